#include "core/flow/ode_sampler.h"

namespace fgm {

at::Tensor sample_ode(VelocityModel& model, const at::Tensor& noise, const GuidedCondition& condition,
                      const std::vector<double>& times, double scale) {
  const at::NoGradGuard no_grad;
  auto x = noise.clone();
  for (size_t i = 0; i + 1 < times.size(); ++i) {
    const auto t_B = at::full({x.size(0)}, times[i], x.options().dtype(at::kFloat));
    x.add_(guided_velocity(model, x, t_B, condition, scale), times[i + 1] - times[i]);
  }
  return x;
}

}  // namespace fgm
