#pragma once

#include <cstdint>

#include "core/config/sections.h"

namespace fgm {

// The learning rate of step `step` (from 0) of `num_steps`: linear warm-up over config.warmup steps, then constant, or
// a half cosine down to zero at the last step (Loshchilov and Hutter, arXiv 1608.03983, without restarts).
double learning_rate(const OptimizerConfig& config, int64_t step, int64_t num_steps);

}  // namespace fgm
