#include "parallel/optim/adamw.h"

#include <cmath>

namespace fgm {

AdamW::AdamW(const OptimizerConfig& config, int64_t num_elements, const at::TensorOptions& options) : config_(config) {
  if (num_moments(config) > 1) first_moment_ = at::zeros({num_elements}, options);
  second_moment_ = at::zeros({num_elements}, options);
}

void AdamW::step(at::Tensor& parameters, const at::Tensor& gradients, double lr) {
  ++num_updates_;
  const auto n = static_cast<double>(num_updates_);
  const double correction1 = 1.0 - std::pow(config_.beta1, n);
  const double correction2 = 1.0 - std::pow(config_.beta2, n);
  if (config_.weight_decay != 0.0) parameters.mul_(1.0 - lr * config_.weight_decay);
  second_moment_.mul_(config_.beta2).addcmul_(gradients, gradients, 1.0 - config_.beta2);
  const auto denominator = second_moment_.sqrt().div_(std::sqrt(correction2)).add_(config_.eps);
  if (first_moment_.defined()) first_moment_.lerp_(gradients, 1.0 - config_.beta1);
  const at::Tensor& direction = first_moment_.defined() ? first_moment_ : gradients;
  parameters.addcdiv_(direction, denominator, -lr / correction1);
}

}  // namespace fgm
