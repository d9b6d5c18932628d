#include "launch/job/distill_networks.h"

#include <algorithm>

#include "launch/checkpoint/load_slices.h"
#include "parallel/comm/self_communicator.h"

namespace fgm {
namespace {

at::ScalarType dtype_of(FrozenDtype dtype) {
  return dtype == FrozenDtype::kBFloat16 ? at::kBFloat16 : at::kFloat;
}

// Loads the weights, and the moving average, which starts at them.
void load_weights_and_average(FsdpEngine& engine, const TensorSource& source) {
  std::vector<StateSlice> slices = engine.state();
  std::erase_if(slices, [](const StateSlice& slice) { return slice.part == kOptimizerPart; });
  load_slices(engine.model(), slices, source);
}

}  // namespace

void adopt_teacher_settings(const OpenWeights& teacher, Config& config) {
  config.text = teacher.text(config.text);
  config.model = teacher.info.config.model;
  if (config.sample.shift == 0.0) config.sample.shift = teacher.info.config.sample.shift;
}

DistillNetworks::DistillNetworks(World& world, const Config& config, const TensorSource& teacher,
                                 const TensorSource& start, PhaseListener* phases)
    : alone_(make_self_communicator(world.device())),
      options_{
          .recompute = config.parallel.recompute, .pool = std::make_shared<UnitPool>(world.device()), .phases = phases},
      student_model_(make_unread_model(config.model)),
      estimator_model_(make_unread_model(config.model)),
      teacher_(config.model, dtype_of(config.teacher.dtype), teacher,
               config.teacher.replicate ? *alone_ : world.mesh().shard(), options_),
      student_(*student_model_, config.method.student, world.mesh(), options_),
      estimator_(*estimator_model_, config.method.estimator, world.mesh(), options_) {
  share_buffers(teacher_.model(), *student_model_);
  share_buffers(teacher_.model(), *estimator_model_);
  load_weights_and_average(student_, start);
  load_weights_and_average(estimator_, start);
}

DistillBytes DistillNetworks::bytes_of(const Config& config, int num_shards) {
  const auto teacher = make_unread_model(config.model, dtype_of(config.teacher.dtype));
  const auto trained = make_unread_model(config.model);
  const auto of_teacher = ShardedModel::bytes_of(*teacher, config.teacher.replicate ? 1 : num_shards);
  const auto of_trained = ShardedModel::bytes_of(*trained, num_shards);
  DistillBytes bytes{.teacher = of_teacher.values,
                     .student = FsdpEngine::bytes_of(*trained, config.method.student, num_shards),
                     .estimator = FsdpEngine::bytes_of(*trained, config.method.estimator, num_shards),
                     .buffers = 0,
                     .gathered_unit = UnitPool::kNumSlots * std::max(of_teacher.slot, of_trained.slot)};
  trained->visit_buffers(
      [&](const std::string&, const at::Tensor& table) { bytes.buffers += static_cast<int64_t>(table.nbytes()); });
  return bytes;
}

}  // namespace fgm
