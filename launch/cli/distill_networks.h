#pragma once

#include <memory>

#include "core/config/config.h"
#include "core/fgm/fgm_step.h"
#include "core/io/tensor_source.h"
#include "launch/runtime/world.h"
#include "parallel/optim/fsdp_engine.h"

namespace fgm {

// Teacher, student and estimator of a distillation, sharded over the ranks of `world`; every rank reads no more of the
// weights than it keeps. With teacher.replicate each rank has the whole teacher.
class DistillNetworks {
 public:
  // `teacher` and `start` hold networks of config.model; student and estimator begin with the weights of `start`.
  // Collective. ConfigError when a source does not fit the model.
  DistillNetworks(World& world, const Config& config, const TensorSource& teacher, const TensorSource& start);

  VelocityModel& teacher() { return *teacher_model_; }
  FsdpEngine& student() { return student_; }
  FsdpEngine& estimator() { return estimator_; }

 private:
  std::unique_ptr<Communicator> alone_;  // the shard axis of a whole teacher
  FsdpOptions options_;
  std::unique_ptr<VelocityModel> teacher_model_, student_model_, estimator_model_;
  ShardedModel teacher_;
  FsdpEngine student_, estimator_;
};

}  // namespace fgm
