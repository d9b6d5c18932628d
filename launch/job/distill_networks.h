#pragma once

#include <memory>

#include "core/config/config.h"
#include "core/methods/distill_step.h"
#include "launch/runtime/world.h"
#include "launch/weights/frozen_network.h"
#include "launch/weights/weights.h"
#include "parallel/optim/fsdp_engine.h"

namespace fgm {

// The roles of a teacher's checkpoint that are distilled, the first that is there.
inline const std::vector<std::string> kTeacherRoles = {"teacher_ema", "teacher"};

// The networks, their text conditioning and the schedule are the teacher's, whatever the config's own sections say.
void take_over(const OpenWeights& teacher, Config& config);

// Teacher, student and estimator of a distillation, sharded over the ranks of `world`; every rank reads no more of the
// weights than it keeps. With teacher.replicate each rank has the whole teacher. Buffers that are the same are shared.
class DistillNetworks {
 public:
  // `teacher` and `start` hold networks of config.model; student and estimator begin with the weights of `start`.
  // Collective. ConfigError when a source does not fit the model.
  DistillNetworks(World& world, const Config& config, const TensorSource& teacher, const TensorSource& start);

  VelocityModel& teacher() { return teacher_.model(); }
  FsdpEngine& student() { return student_; }
  FsdpEngine& estimator() { return estimator_; }

 private:
  std::unique_ptr<Communicator> alone_;  // the shard axis of a whole teacher
  FsdpOptions options_;
  std::unique_ptr<VelocityModel> student_model_, estimator_model_;
  FrozenNetwork teacher_;
  FsdpEngine student_, estimator_;
};

}  // namespace fgm
