#include "launch/cli/tensor_stats.h"

#include <gtest/gtest.h>

#include <limits>

namespace fgm {
namespace {

TEST(TensorStats, PiecesJoinToTheWholeTensorsMoments) {
  // Far from zero and longer than one piece: a sum of squares would lose all digits of the deviation.
  const auto tensor = at::arange(3 * (1 << 20) + 5, at::kDouble) * 1e-6 + 1e6;
  const auto stats = tensor_stats(tensor);
  ASSERT_TRUE(stats.mean && stats.std);
  // float64 rounding at 1e6 is 1e-10; the moments carry no more than that.
  EXPECT_NEAR(*stats.mean, tensor.mean().item<double>(), 1e-9);
  EXPECT_NEAR(*stats.std, tensor.std(/*unbiased=*/false).item<double>(), 1e-9);
}

TEST(TensorStats, NonFiniteElementsAreCountedAndLeftOut) {
  const auto tensor =
      at::tensor({1.0f, std::numeric_limits<float>::quiet_NaN(), 3.0f, -std::numeric_limits<float>::infinity()});
  const auto stats = tensor_stats(tensor);
  EXPECT_EQ(stats.num_non_finite, 2);
  EXPECT_EQ(stats.mean, 2.0);
  EXPECT_EQ(stats.std, 1.0);
}

TEST(TensorStats, TensorWithoutFiniteElementsHasNoMoments) {
  EXPECT_FALSE(tensor_stats(at::empty({0})).mean);
  const auto stats = tensor_stats(at::full({3}, std::numeric_limits<float>::infinity()));
  EXPECT_FALSE(stats.mean || stats.std);
  EXPECT_EQ(stats.num_non_finite, 3);
}

TEST(TensorStats, WholeNumbersBoolsAndHalvesAreMeasured) {
  EXPECT_EQ(tensor_stats(at::tensor({1, 3}, at::kLong)).mean, 2.0);
  EXPECT_EQ(tensor_stats(at::tensor({1, 0}, at::kLong).to(at::kBool)).mean, 0.5);
  EXPECT_EQ(tensor_stats(at::full({2, 2}, 1.5).to(at::kBFloat16)).mean, 1.5);
}

}  // namespace
}  // namespace fgm
