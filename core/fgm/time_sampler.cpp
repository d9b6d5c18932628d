#include "core/fgm/time_sampler.h"

#include "core/base/error.h"

namespace fgm {

at::Tensor draw_times(const TimeConfig& config, const RandomStream& stream, int64_t step, int64_t first_sample,
                      int64_t num_samples) {
  if (config.law == TimeLaw::kUniform) return stream.uniform(step, first_sample, num_samples, {});
  return at::sigmoid(config.mean + config.std * stream.normal(step, first_sample, num_samples, {}));
}

at::Tensor loss_weight(LossWeight weight, const at::Tensor& t_B) {
  switch (weight) {
    case LossWeight::kUniform:
      return at::ones_like(t_B);
    case LossWeight::kTSquared:
      return t_B.square();
    case LossWeight::kTSquaredOneMinusT:
      return t_B.square() * (1.0 - t_B);
  }
  check(false, "unknown loss weight {}", static_cast<int>(weight));
  return {};
}

}  // namespace fgm
