#include "parallel/optim/fsdp_engine.h"

#include <cmath>

#include "parallel/optim/grad_norm.h"

namespace fgm {

int64_t FsdpEngine::num_saved(const OptimizerConfig& config) {
  return 1 + (keeps_average(config) ? 1 : 0) + AdamW::num_moments(config);
}

FsdpEngine::FsdpEngine(VelocityModel& model, const OptimizerConfig& config, const DeviceMesh& mesh,
                       const FsdpOptions& options)
    : config_(config),
      mesh_(mesh),
      phases_(options.phases),
      sharded_(model, mesh.shard(), options),
      parameters_(sharded_.values()),
      gradients_(at::zeros_like(parameters_)),
      optimizer_(config, parameters_.numel(), parameters_.options()) {
  sharded_.set_gradients(gradients_);
  if (keeps_average(config)) ema_ = parameters_.clone();
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
    if (ema_.defined()) ema_.lerp_(parameters_, 1.0 - config_.ema);
  }
  gradients_.zero_();
  return report;
}

void FsdpEngine::with_ema(const std::function<void()>& body) {
  if (!has_ema()) return body();
  const at::NoGradGuard no_grad;
  sharded_.show(ema_);
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
  add(ema_, kAveragePart, "");
  add(optimizer_.exp_avg(), kOptimizerPart, ".exp_avg");
  add(optimizer_.exp_avg_sq(), kOptimizerPart, ".exp_avg_sq");
  return slices;
}

}  // namespace fgm
