#pragma once

#include <ATen/ATen.h>

#include "core/base/rng.h"
#include "core/config/sections.h"

namespace fgm {

// Training times t in (0, 1), float32 [num_samples], for samples first_sample, first_sample + 1, ...
// uniform; or sigmoid(N(mean, std^2)) (SD3's logit-normal law, arXiv 2403.03206, section 3.1).
at::Tensor draw_times(const TimeConfig& config, const RandomStream& stream, int64_t step, int64_t first_sample,
                      int64_t num_samples);

// The weight of a velocity-space loss at time t [B], of those that depend on t alone (all but normalised);
// docs/fgm.md lists which paper means which.
at::Tensor loss_weight(LossWeight weight, const at::Tensor& t_B);

}  // namespace fgm
