#pragma once

#include <vector>

#include "core/flow/guidance.h"

namespace fgm {

// Euler's method along the flow from noise at times.front() to times.back(): x += (t_next - t) v(x, t), the sample in
// float32. `noise` [B, C, H, W]; returns that shape, without a graph. times.size() - 1 evaluations, each of
// num_passes(scale) x B rows.
at::Tensor sample_ode(VelocityModel& model, const at::Tensor& noise, const GuidedCondition& condition,
                      const std::vector<double>& times, double scale);

}  // namespace fgm
