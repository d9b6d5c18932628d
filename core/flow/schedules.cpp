#include "core/flow/schedules.h"

#include "core/base/error.h"

namespace fgm {
namespace {

constexpr double kFirstTrainingTime = 1e-3;  // one of 1000

double shifted(double t, double shift) {
  return shift * t / (1.0 + (shift - 1.0) * t);
}

std::vector<double> equally_spaced(int64_t num_steps) {
  std::vector<double> times;
  for (int64_t i = 0; i <= num_steps; ++i)
    times.push_back(1.0 - static_cast<double>(i) / static_cast<double>(num_steps));
  return times;
}

}  // namespace

std::vector<double> sampling_times(int64_t num_steps, double shift) {
  require<ConfigError>(num_steps >= 1, "a schedule of {} steps: at least 1 is needed", num_steps);
  require<ConfigError>(shift >= 0.0, "a schedule's shift is {}: it must not be below 0", shift);
  if (shift == 0.0) return equally_spaced(num_steps);
  const double last = shifted(kFirstTrainingTime, shift);
  std::vector<double> times;
  for (int64_t i = 0; i < num_steps; ++i) {
    const double fraction = num_steps == 1 ? 0.0 : static_cast<double>(i) / static_cast<double>(num_steps - 1);
    times.push_back(shifted(1.0 + fraction * (last - 1.0), shift));
  }
  times.push_back(0.0);
  return times;
}

}  // namespace fgm
