#include "core/eval/resampling.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/base/rng.h"

namespace fgm {
namespace {

// Clusters of one value each.
Stratum singles(int64_t step, int64_t count) {
  const auto values = RandomStream(4, "test").normal(step, 0, count, {});
  Stratum stratum;
  for (int64_t i = 0; i < count; ++i) stratum.push_back({values[i].item<double>(), 1});
  return stratum;
}

double width(const Interval& interval) {
  return interval.high - interval.low;
}

TEST(Shuffled, HoldsEachNumberOnceAndDependsOnItsNameAlone) {
  const auto order = shuffled(100, "a");
  EXPECT_FALSE(at::equal(order, at::arange(100)));
  EXPECT_TRUE(at::equal(std::get<0>(order.sort()), at::arange(100)));
  EXPECT_TRUE(at::equal(order, shuffled(100, "a")));
  EXPECT_FALSE(at::equal(order, shuffled(100, "b")));
}

TEST(MeanOfStrata, WeighsClustersWithinAStratumAndNoStratum) {
  const std::vector<Stratum> strata = {{{3, 4}, {1, 1}}, {{0, 10}}};
  EXPECT_DOUBLE_EQ(mean_of_strata(strata), (4.0 / 5 + 0) / 2);
}

TEST(BootstrapInterval, OfAMeanIsAboutTwoStandardErrorsToEachSide) {
  const auto stratum = singles(0, 400);
  const auto interval = bootstrap_interval(std::span(&stratum, 1), 2000).value();
  // Of 400 standard normals: 2 x 1.96 / 20, where 0.05 is the error of their own deviation and of the percentiles.
  EXPECT_NEAR(width(interval), 0.196, 0.196 * 0.1);
  EXPECT_LT(interval.low, mean_of_strata(std::span(&stratum, 1)));
  EXPECT_GT(interval.high, mean_of_strata(std::span(&stratum, 1)));
}

TEST(BootstrapInterval, GrowsWhenImagesOfACaptionAgree) {
  // 40 captions of ten equal images say no more than 40 images do.
  Stratum captions = singles(1, 40);
  const auto of_forty = bootstrap_interval(std::span(&captions, 1), 1000).value();
  for (auto& caption : captions) caption = {10 * caption.sum, 10};
  const auto of_captions = bootstrap_interval(std::span(&captions, 1), 1000).value();
  EXPECT_NEAR(of_captions.low, of_forty.low, 1e-12);
  EXPECT_NEAR(of_captions.high, of_forty.high, 1e-12);
}

TEST(BootstrapInterval, OfTwoClustersReachesBoth) {
  const Stratum two = {{0, 1}, {1, 1}};
  const auto interval = bootstrap_interval(std::span(&two, 1), 1000).value();
  EXPECT_EQ(interval.low, 0);
  EXPECT_EQ(interval.high, 1);
}

TEST(BootstrapInterval, IsAbsentWhereOneClusterTellsNoVariance) {
  const std::vector<Stratum> strata = {singles(0, 10), {{1, 1}}};
  EXPECT_FALSE(bootstrap_interval(strata, 1000));
  EXPECT_FALSE(bootstrap_interval(std::span(strata.data(), 1), 0));
}

}  // namespace
}  // namespace fgm
