#include "core/flow/time_sampler.h"

#include <cmath>
#include <span>

#include "core/base/error.h"

namespace fgm {

at::Tensor draw_times(const TimeConfig& config, const RandomStream& stream, int64_t step, int64_t first_sample,
                      int64_t num_samples) {
  if (config.law == TimeDistribution::kUniform) return stream.uniform(step, first_sample, num_samples, {});
  // Element by element, not at::sigmoid: a vectorised kernel rounds the elements of its odd rest differently, and a
  // rank's share of a batch ends elsewhere than the whole.
  const auto t_B = stream.normal(step, first_sample, num_samples, {});
  for (float& t : std::span(t_B.data_ptr<float>(), static_cast<size_t>(num_samples)))
    t = static_cast<float>(1.0 / (1.0 + std::exp(-(config.mean + config.std * t))));
  return t_B;
}

at::Tensor loss_weight(LossWeight weight, const at::Tensor& t_B) {
  switch (weight) {
    case LossWeight::kUniform:
      return at::ones_like(t_B);
    case LossWeight::kTSquared:
      return t_B.square();
    case LossWeight::kTSquaredOneMinusT:
      return t_B.square() * (1.0 - t_B);
    case LossWeight::kNormalised:
      break;
  }
  check(false, "unknown loss weight {}", static_cast<int>(weight));
  return {};
}

}  // namespace fgm
