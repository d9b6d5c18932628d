#include "parallel/optim/local_engine.h"

#include <cmath>

#include "core/base/error.h"

namespace fgm {
namespace {

constexpr int64_t kAlignmentBytes = 64;

int64_t align(int64_t elements, int64_t element_bytes) {
  const int64_t step = kAlignmentBytes / element_bytes;
  return (elements + step - 1) / step * step;
}

}  // namespace

LocalEngine::LocalEngine(VelocityModel& model, const OptimizerConfig& config) : model_(model), config_(config) {
  int64_t num_elements = 0;
  visit_parameters(model, [&](const std::string& name, at::Tensor& tensor) {
    slots_.push_back({name, tensor, num_elements});
    num_elements += align(tensor.numel(), tensor.element_size());
  });
  check(!slots_.empty(), "a model without parameters cannot be trained");
  const auto options = slots_.front().parameter.options().requires_grad(false);
  parameters_ = at::zeros({num_elements}, options);
  gradients_ = at::zeros({num_elements}, options);
  for (Slot& slot : slots_) {
    const auto view = view_of(parameters_, slot);
    view.copy_(slot.parameter.detach());
    slot.parameter.set_data(view);
  }
  if (config.ema > 0.0) ema_ = parameters_.clone();
  optimizer_ = std::make_unique<AdamW>(config, num_elements, options);
}

void LocalEngine::set_trainable(bool is_trainable) {
  for (Slot& slot : slots_) {
    slot.parameter.set_requires_grad(is_trainable);
    // A gradient that is there already is added to in place: backward writes straight into the flat buffer.
    if (is_trainable) slot.parameter.mutable_grad() = view_of(gradients_, slot);
  }
}

UpdateReport LocalEngine::update(double lr) {
  const at::NoGradGuard no_grad;
  const double norm = at::linalg_vector_norm(gradients_, 2, {}, false, at::kDouble).item<double>();
  UpdateReport report{.grad_norm = norm, .is_applied = std::isfinite(norm)};
  if (report.is_applied) {
    if (config_.clip > 0.0 && norm > config_.clip) gradients_.mul_(config_.clip / norm);
    optimizer_->step(parameters_, gradients_, lr);
    if (ema_.defined()) ema_.lerp_(parameters_, 1.0 - config_.ema);
  }
  gradients_.zero_();
  return report;
}

void LocalEngine::with_ema(const std::function<void()>& body) {
  if (!has_ema()) return body();
  const at::NoGradGuard no_grad;
  const auto current = parameters_.clone();
  parameters_.copy_(ema_);
  try {
    body();
  } catch (...) {
    parameters_.copy_(current);
    throw;
  }
  parameters_.copy_(current);
}

std::vector<StateSlice> LocalEngine::state() {
  std::vector<StateSlice> slices;
  const auto add = [&](const std::string& part, const std::string& suffix, const at::Tensor& flat) {
    if (!flat.defined()) return;
    for (const Slot& slot : slots_) {
      slices.push_back({part, slot.name + suffix, slot.parameter.sizes().vec(), 0, view_of(flat, slot).view({-1})});
    }
  };
  add("", "", parameters_);
  add("ema", "", ema_);
  add("optim", ".exp_avg", optimizer_->exp_avg());
  add("optim", ".exp_avg_sq", optimizer_->exp_avg_sq());
  return slices;
}

at::Tensor LocalEngine::view_of(const at::Tensor& flat, const Slot& slot) const {
  return flat.narrow(0, slot.offset, slot.parameter.numel()).view(slot.parameter.sizes());
}

}  // namespace fgm
