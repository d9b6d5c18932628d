#include "launch/cli/distill_networks.h"

#include "core/models/model_factory.h"
#include "launch/coordinator/weights.h"
#include "parallel/comm/self_communicator.h"

namespace fgm {
namespace {

// Parameters without memory, which the sharding layer replaces by this rank's part; buffers on `device`.
std::unique_ptr<VelocityModel> make_unread_model(const ModelConfig& config, at::Device device) {
  auto model = make_model(config, at::TensorOptions().dtype(at::kFloat).device(at::kMeta));
  model->visit_buffers([&](const std::string&, at::Tensor& buffer) { buffer = at::empty_like(buffer, device); });
  return model;
}

// The moving average starts at the weights.
void load_weights_and_average(FsdpEngine& engine, const TensorSource& source) {
  for (const char* part : {"", "ema"}) {
    std::vector<StateSlice> slices = engine.state();
    std::erase_if(slices, [&](const StateSlice& slice) { return slice.part != part; });
    if (!slices.empty()) load_slices(engine.model(), slices, source);
  }
}

}  // namespace

DistillNetworks::DistillNetworks(World& world, const Config& config, const TensorSource& teacher,
                                 const TensorSource& start)
    : alone_(make_self_communicator(world.device())),
      options_{.recompute = config.parallel.recompute, .pool = std::make_shared<UnitPool>(world.device())},
      teacher_model_(make_unread_model(config.model, world.device())),
      student_model_(make_unread_model(config.model, world.device())),
      estimator_model_(make_unread_model(config.model, world.device())),
      teacher_(*teacher_model_, config.teacher.replicate ? *alone_ : world.mesh().shard(), options_),
      student_(*student_model_, config.method.student, world.mesh(), options_),
      estimator_(*estimator_model_, config.method.estimator, world.mesh(), options_) {
  load_slices(*teacher_model_, teacher_.weights(), teacher);
  load_weights_and_average(student_, start);
  load_weights_and_average(estimator_, start);
}

}  // namespace fgm
