#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <optional>

namespace fgm {

struct KernelDistance {
  double value = 0;
  std::optional<double> error = {};  // standard error of `value`; none from a single block
};

// KID of features [N, D] and [M, D]: the squared maximum mean discrepancy under k(x, y) = (x . y / D + 1)^3, its
// unbiased estimate (Binkowski et al., arXiv 1801.01401, section 4), in float64. Being unbiased it is zero on average
// between sets of one distribution, of any sizes, and may be negative.
//
// Both sets are shuffled and cut into as many blocks: ten, or one for each 1000 images of the larger set if those are
// more, but only as many as have two images of the smaller one each. `value` is the mean over pairs of blocks, `error`
// their standard deviation over the root of their number. ConfigError for fewer than two rows.
KernelDistance kernel_distance(const at::Tensor& a_ND, const at::Tensor& b_MD);

}  // namespace fgm
