#include "core/eval/resampling.h"

#include <algorithm>
#include <cmath>

#include "core/base/rng.h"

namespace fgm {
namespace {

double ratio(const Cluster& total) {
  return total.sum / total.weight;
}

void add(Cluster& total, const Cluster& cluster) {
  total.sum += cluster.sum;
  total.weight += cluster.weight;
}

Cluster resample(const Stratum& stratum, const RandomStream& stream, int64_t step, int64_t sample) {
  Cluster total;
  const auto count = std::ssize(stratum);
  for (int64_t draw = 0; draw < count - 1; ++draw) {
    const auto chosen = (uint64_t{stream.bits(step, sample, draw)} * static_cast<uint64_t>(count)) >> 32;
    add(total, stratum[chosen]);
  }
  return total;
}

// Linear between the two nearest of the sorted values.
double percentile(const std::vector<double>& sorted, double share) {
  const double place = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], place - static_cast<double>(below));
}

}  // namespace

at::Tensor shuffled(int64_t count, std::string_view name) {
  const RandomStream stream(/*seed=*/0, name);
  auto keys = at::empty({count}, at::kLong);
  for (int64_t i = 0; i < count; ++i) keys.mutable_data_ptr<int64_t>()[i] = stream.bits(/*step=*/0, i, /*position=*/0);
  return at::argsort(keys, /*stable=*/true);
}

double mean_of_strata(std::span<const Stratum> strata) {
  double sum = 0;
  for (const auto& stratum : strata) {
    Cluster total;
    for (const auto& cluster : stratum) add(total, cluster);
    sum += ratio(total);
  }
  return sum / static_cast<double>(strata.size());
}

std::optional<Interval> bootstrap_interval(std::span<const Stratum> strata, int64_t num_resamples) {
  const bool is_possible = std::ranges::all_of(strata, [](const Stratum& stratum) { return stratum.size() >= 2; });
  if (num_resamples == 0 || strata.empty() || !is_possible) return std::nullopt;
  const RandomStream stream(/*seed=*/0, "eval.bootstrap");
  std::vector<double> means(static_cast<size_t>(num_resamples));
  for (int64_t step = 0; step < num_resamples; ++step) {
    double sum = 0;
    for (int64_t s = 0; s < std::ssize(strata); ++s) sum += ratio(resample(strata[s], stream, step, s));
    means[step] = sum / static_cast<double>(strata.size());
  }
  std::ranges::sort(means);
  return Interval{percentile(means, 0.025), percentile(means, 0.975)};
}

}  // namespace fgm
