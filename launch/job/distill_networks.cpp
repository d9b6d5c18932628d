#include "launch/job/distill_networks.h"

#include <algorithm>
#include <map>

#include "core/models/model_factory.h"
#include "launch/checkpoint/load_slices.h"
#include "parallel/comm/self_communicator.h"

namespace fgm {
namespace {

at::ScalarType dtype_of(FrozenDtype dtype) {
  return dtype == FrozenDtype::kBFloat16 ? at::kBFloat16 : at::kFloat;
}

// Gives an engine its weights, from `source` or else random ones, and the moving averages, which start at them.
void start_engine(FsdpEngine& engine, const TensorSource* source, const ModelConfig& config, uint64_t seed) {
  std::vector<StateSlice> slices = engine.state();
  std::erase_if(slices, [](const StateSlice& slice) { return slice.part == kOptimizerPart; });
  if (source != nullptr) return load_slices(engine.model(), slices, *source);
  const auto whole = make_model(config, at::kFloat);
  whole->initialise(seed);
  std::map<std::string, at::Tensor> parameters;
  visit_parameters(*whole, [&](const std::string& name, at::Tensor& tensor) { parameters[name] = tensor; });
  const at::NoGradGuard no_grad;
  for (auto& slice : slices) {
    slice.values.copy_(parameters.at(slice.name).flatten().narrow(0, slice.begin, slice.values.numel()));
  }
}

}  // namespace

void adopt_teacher_settings(const OpenWeights& teacher, Config& config) {
  config.text = teacher.text(config.text);
  config.model = teacher.info.config.model;
  if (config.sample.shift == 0.0) config.sample.shift = teacher.info.config.sample.shift;
}

DistillNetworks::DistillNetworks(World& world, const Config& config, const DistillWeights& weights,
                                 PhaseListener* phases)
    : alone_(make_self_communicator(world.device())),
      options_{
          .recompute = config.parallel.recompute, .pool = std::make_shared<UnitPool>(world.device()), .phases = phases},
      student_model_(make_unread_model(config.model)),
      estimator_model_(make_unread_model(config.model)),
      student_(*student_model_, config.method.student, world.mesh(), options_) {
  const auto seed = static_cast<uint64_t>(config.run.seed);
  if (config.method.is_regression()) {
    const bool is_random = weights.student == nullptr;
    if (is_random) start_engine(student_, &weights.teacher, config.model, seed);  // for its buffers
    start_engine(student_, weights.student, config.model, seed);
    return;
  }
  teacher_.emplace(config.model, dtype_of(config.teacher.dtype), weights.teacher,
                   config.teacher.replicate ? *alone_ : world.mesh().shard(), options_);
  estimator_.emplace(*estimator_model_, config.method.estimator, world.mesh(), options_);
  share_buffers(teacher_->model(), *student_model_);
  share_buffers(teacher_->model(), *estimator_model_);
  start_engine(student_, weights.student, config.model, seed);
  start_engine(*estimator_, weights.estimator, config.model, seed + 1);  // another network than the student
}

DistillBytes DistillNetworks::bytes_of(const Config& config, int num_shards) {
  const auto teacher = make_unread_model(config.model, dtype_of(config.teacher.dtype));
  const auto trained = make_unread_model(config.model);
  const auto of_teacher = ShardedModel::bytes_of(*teacher, config.teacher.replicate ? 1 : num_shards);
  const auto of_trained = ShardedModel::bytes_of(*trained, num_shards);
  const bool is_regression = config.method.is_regression();
  DistillBytes bytes{
      .teacher = is_regression ? 0 : of_teacher.values,
      .student = FsdpEngine::bytes_of(*trained, config.method.student, num_shards),
      .estimator = is_regression ? 0 : FsdpEngine::bytes_of(*trained, config.method.estimator, num_shards),
      .buffers = 0,
      .gathered_unit = UnitPool::kNumSlots * std::max(of_teacher.slot, of_trained.slot)};
  trained->visit_buffers(
      [&](const std::string&, const at::Tensor& table) { bytes.buffers += static_cast<int64_t>(table.nbytes()); });
  return bytes;
}

}  // namespace fgm
