#pragma once

#include <memory>

#include "core/config/config.h"
#include "core/methods/distill_step.h"
#include "launch/runtime/world.h"
#include "launch/weights/frozen_network.h"
#include "launch/weights/weights.h"
#include "parallel/optim/fsdp_engine.h"

namespace fgm {

// Sets the sections of `config` that a teacher's weights decide, whatever the user gave: [model], [text], and
// sample.shift where it is not set.
void adopt_teacher_settings(const OpenWeights& teacher, Config& config);

// What the networks of a distillation hold on one rank, in bytes.
struct DistillBytes {
  int64_t teacher = 0;        // its parameters
  int64_t student = 0;        // parameters, gradients, average and Adam's moments
  int64_t estimator = 0;      // likewise
  int64_t buffers = 0;        // position tables, which the networks share
  int64_t gathered_unit = 0;  // of the pool, while a unit is gathered
};

// Teacher, student and estimator of a distillation, sharded over the ranks of `world`; every rank reads no more of the
// weights than it keeps. With teacher.replicate each rank has the whole teacher. The networks share one copy of their
// buffers.
class DistillNetworks {
 public:
  // `teacher` and `start` hold networks of config.model; student and estimator begin with the weights of `start`.
  // `phases` hears the sharding layer. Collective. ConfigError when a source does not fit the model.
  DistillNetworks(World& world, const Config& config, const TensorSource& teacher, const TensorSource& start,
                  PhaseListener* phases = nullptr);

  // What a rank would hold of the networks of `config`, cut into `num_shards`; allocates nothing.
  static DistillBytes bytes_of(const Config& config, int num_shards);

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
