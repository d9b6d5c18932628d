#include "core/train/lr_schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace fgm {

double learning_rate(const OptimizerConfig& config, int64_t step, int64_t num_steps) {
  if (step < config.warmup) return config.lr * static_cast<double>(step + 1) / static_cast<double>(config.warmup);
  if (config.schedule == Schedule::kConstant) return config.lr;
  const auto span = static_cast<double>(std::max<int64_t>(1, num_steps - config.warmup));
  const double progress = std::min(1.0, static_cast<double>(step - config.warmup) / span);
  return config.lr * 0.5 * (1.0 + std::cos(std::numbers::pi * progress));
}

}  // namespace fgm
