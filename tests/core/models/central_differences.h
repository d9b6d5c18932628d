#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "core/base/rng.h"

namespace fgm {

// Expects that the gradient `grads` of `loss`, along a random direction of each leaf, is the central difference, to
// `tolerance` times the larger of its size and 1. An undefined gradient is zero. Leaves are float64: with h = 1e-5
// central differences are exact to about 1e-9 relative.
inline void expect_central_differences(const std::function<at::Tensor()>& loss, const std::vector<at::Tensor>& leaves,
                                       const std::vector<at::Tensor>& grads, uint64_t seed, double tolerance) {
  const at::NoGradGuard no_grad;
  for (size_t i = 0; i < leaves.size(); ++i) {
    const auto sizes = leaves[i].sizes();
    const auto direction =
        RandomStream(seed, "direction" + std::to_string(i)).normal(0, 0, sizes[0], sizes.slice(1)).to(at::kDouble);
    const double h = 1e-5;
    leaves[i].add_(direction, h);
    const double up = loss().item<double>();
    leaves[i].add_(direction, -2 * h);
    const double down = loss().item<double>();
    leaves[i].add_(direction, h);
    const double analytic = grads[i].defined() ? (grads[i] * direction).sum().item<double>() : 0.0;
    EXPECT_NEAR(analytic, (up - down) / (2 * h), tolerance * std::max(1.0, std::abs(analytic))) << "leaf " << i;
  }
}

}  // namespace fgm
