#pragma once

#include <memory>
#include <optional>

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
  int64_t student = 0;        // parameters, gradients, averages and Adam's moments
  int64_t estimator = 0;      // likewise
  int64_t buffers = 0;        // position tables, which the networks share
  int64_t gathered_unit = 0;  // of the pool, while a unit is gathered
};

// What the networks begin with. Without a source a network's weights are random ones, which follow from run.seed.
struct DistillWeights {
  const TensorSource& teacher;
  const TensorSource* student = nullptr;
  const TensorSource* estimator = nullptr;
};

// Teacher, student and estimator of a distillation, sharded over the ranks of `world`; every rank reads no more of the
// weights than it keeps. With teacher.replicate each rank has the whole teacher. The networks share one copy of their
// buffers. A regression has a student alone.
class DistillNetworks {
 public:
  // The sources hold networks of config.model. `phases` hears the sharding layer. Collective. ConfigError when a source
  // does not fit the model.
  DistillNetworks(World& world, const Config& config, const DistillWeights& weights, PhaseListener* phases = nullptr);

  // What a rank would hold of the networks of `config`, cut into `num_shards`; allocates nothing.
  static DistillBytes bytes_of(const Config& config, int num_shards);

  VelocityModel& teacher() { return teacher_.value().model(); }
  FsdpEngine& student() { return student_; }
  FsdpEngine& estimator() { return estimator_.value(); }

 private:
  std::unique_ptr<Communicator> alone_;  // the shard axis of a whole teacher
  FsdpOptions options_;
  std::unique_ptr<VelocityModel> student_model_, estimator_model_;
  std::optional<FrozenNetwork> teacher_;
  FsdpEngine student_;
  std::optional<FsdpEngine> estimator_;
};

}  // namespace fgm
