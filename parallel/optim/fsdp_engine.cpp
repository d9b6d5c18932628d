#include "parallel/optim/fsdp_engine.h"

#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "parallel/optim/grad_norm.h"

namespace fgm {

int64_t FsdpEngine::num_averages(const OptimizerConfig& config) {
  return std::ranges::count_if(config.ema, [](double decay) { return decay > 0.0; });
}

int64_t FsdpEngine::num_saved(const OptimizerConfig& config) {
  return 1 + num_averages(config) + AdamW::num_moments(config);
}

FsdpEngine::FsdpEngine(VelocityModel& model, const OptimizerConfig& config, const DeviceMesh& mesh,
                       const FsdpOptions& options)
    : model_(model),
      config_(config),
      mesh_(mesh),
      phases_(options.phases),
      sharded_(model, mesh.shard(), options),
      parameters_(sharded_.values()),
      gradients_(at::zeros_like(parameters_)),
      optimizer_(config, parameters_.numel(), parameters_.options()) {
  sharded_.set_gradients(gradients_);
  for (const double decay : config.ema) {
    if (decay == 0.0) continue;
    const std::string part = averages_.empty() ? kAveragePart : fmt::format("{}_{}", kAveragePart, decay);
    averages_.push_back({part, decay, parameters_.clone()});
  }
}

UpdateReport FsdpEngine::update(double lr) {
  const at::NoGradGuard no_grad;
  // See Note [Shards first, then copies].
  if (mesh_.shape().replicate > 1)
    in_phase(phases_, "reduce", [&] { mesh_.replicate().all_reduce(gradients_, Reduce::kSum).wait(); });
  const double norm = grad_norm(gradients_, mesh_.shard(), phases_);
  UpdateReport report{.grad_norm = norm, .is_applied = std::isfinite(norm)};
  if (report.is_applied) {
    if (config_.clip > 0.0 && norm > config_.clip) gradients_.mul_(config_.clip / norm);
    optimizer_.step(parameters_, gradients_, lr);
    for (const auto& average : averages_) average.values.lerp_(parameters_, 1.0 - average.decay);
  }
  gradients_.zero_();
  return report;
}

void FsdpEngine::with_ema(const std::function<void()>& body, size_t index) {
  if (!has_ema()) return body();
  const at::NoGradGuard no_grad;
  sharded_.show(averages_.at(index).values);
  try {
    body();
  } catch (...) {
    sharded_.show(parameters_);
    throw;
  }
  sharded_.show(parameters_);
}

std::vector<StateSlice> FsdpEngine::state() {
  std::vector<StateSlice> slices;
  const auto add = [&](const at::Tensor& flat, const std::string& part, const std::string& suffix) {
    if (!flat.defined()) return;
    for (auto& slice : sharded_.slices_of(flat, part, suffix)) slices.push_back(std::move(slice));
  };
  add(parameters_, "", "");
  for (const auto& average : averages_) add(average.values, average.part, "");
  add(optimizer_.exp_avg(), kOptimizerPart, ".exp_avg");
  add(optimizer_.exp_avg_sq(), kOptimizerPart, ".exp_avg_sq");
  return slices;
}

}  // namespace fgm
