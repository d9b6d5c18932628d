#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace fgm {

// The numbers 0 to count - 1 in an order that `name` alone decides, int64 [count].
at::Tensor shuffled(int64_t count, std::string_view name);

// What the images of one caption add to a mean: the sum of their values and its weight, such as their number.
struct Cluster {
  double sum = 0;
  double weight = 0;
};
using Stratum = std::vector<Cluster>;

// The mean over the strata of (sum of the sums / sum of the weights): a ratio of means in a single stratum.
double mean_of_strata(std::span<const Stratum> strata);

// 95 %: from the 2.5th to the 97.5th percentile.
struct Interval {
  double low;
  double high;
};

// The bootstrap's percentile interval of mean_of_strata(). A resample draws whole clusters with replacement, from
// each stratum of n clusters n - 1, which makes the variance unbiased for few clusters too (McCarthy and Snowden, The
// Bootstrap and Finite Population Sampling, 1985). A function of its arguments alone (RandomStream seed 0). None for no
// resamples, and where a stratum has fewer than two clusters.
std::optional<Interval> bootstrap_interval(std::span<const Stratum> strata, int64_t num_resamples);

}  // namespace fgm
