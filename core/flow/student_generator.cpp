#include "core/flow/student_generator.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/flow/flow_path.h"

namespace fgm {
namespace {

// x_0 of the header.
at::Tensor start_of(const at::Tensor& noise, const GeneratorConfig& generator) {
  const double t = generator.times[0];
  const auto scaled = noise * t;
  const auto& mean = generator.mean;
  if (std::ranges::all_of(mean, [](double value) { return value == 0.0; })) return scaled;
  check_mean(generator, noise.size(1));
  return scaled + (1.0 - t) * at::tensor(mean, noise.options()).view({1, -1, 1, 1});
}

at::Tensor one_step(VelocityModel& student, const at::Tensor& x_t, double t, const Conditioning& condition) {
  const auto t_B = at::full({x_t.size(0)}, t, x_t.options().dtype(at::kFloat));
  return x_t - t * student.velocity(x_t, t_B, condition);
}

}  // namespace

GeneratorConfig generator_of(const MethodConfig& method) {
  return {.times = method.student_times.empty() ? std::vector{method.init_time} : method.student_times,
          .mean = method.init_mean};
}

void check_mean(const GeneratorConfig& generator, int64_t channels) {
  const int64_t given = std::ssize(generator.mean);
  require<ConfigError>(given == 1 || given == channels,
                       "method.init_mean has {} values; give one, or one for each of the {} channels", given, channels);
}

at::Tensor generate(VelocityModel& student, std::span<const at::Tensor> noise, const Conditioning& condition,
                    const GeneratorConfig& generator) {
  check(!noise.empty() && std::ssize(noise) <= generator.num_steps(), "{} noises for a student of {} steps",
        noise.size(), generator.num_steps());
  auto x_t = start_of(noise[0], generator);
  for (size_t i = 1; i < noise.size(); ++i) {
    const at::NoGradGuard no_grad;
    const auto t_B = at::full({x_t.size(0)}, generator.times[i], x_t.options().dtype(at::kFloat));
    x_t = flow_path(one_step(student, x_t, generator.times[i - 1], condition), noise[i], t_B);
  }
  return one_step(student, x_t, generator.times[noise.size() - 1], condition);
}

}  // namespace fgm
