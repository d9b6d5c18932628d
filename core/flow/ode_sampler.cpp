#include "core/flow/ode_sampler.h"

namespace fgm {

std::vector<double> uniform_times(int64_t num_steps) {
  std::vector<double> times;
  for (int64_t i = 0; i <= num_steps; ++i)
    times.push_back(1.0 - static_cast<double>(i) / static_cast<double>(num_steps));
  return times;
}

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
