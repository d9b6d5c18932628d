#include "launch/job/distill_networks.h"

#include "parallel/comm/self_communicator.h"

namespace fgm {
namespace {

at::ScalarType dtype_of(FrozenDtype dtype) {
  return dtype == FrozenDtype::kBFloat16 ? at::kBFloat16 : at::kFloat;
}

// The moving average starts at the weights.
void load_weights_and_average(FsdpEngine& engine, const TensorSource& source) {
  std::vector<StateSlice> slices = engine.state();
  std::erase_if(slices, [](const StateSlice& slice) { return slice.part == "optim"; });
  load_slices(engine.model(), slices, source);
}

}  // namespace

void take_over(const OpenWeights& teacher, Config& config) {
  config.text = teacher.text(config.text);
  config.model = teacher.info.config.model;
  if (config.sample.shift == 0.0) config.sample.shift = teacher.info.config.sample.shift;
}

DistillNetworks::DistillNetworks(World& world, const Config& config, const TensorSource& teacher,
                                 const TensorSource& start)
    : alone_(make_self_communicator(world.device())),
      options_{.recompute = config.parallel.recompute, .pool = std::make_shared<UnitPool>(world.device())},
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

}  // namespace fgm
