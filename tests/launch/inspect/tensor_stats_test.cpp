#include "launch/inspect/tensor_stats.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace fgm {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

TensorReader reader_of(const at::Tensor& tensor) {
  return {tensor.scalar_type(), [flat = tensor.reshape(-1)](int64_t begin, const at::Tensor& out) {
            out.copy_(flat.narrow(0, begin, out.numel()));
          }};
}

TensorStats stats_of(const at::Tensor& tensor) {
  const std::vector<Range> whole = {{0, tensor.numel()}};
  return tensor_stats(whole, reader_of(tensor).read);
}

TensorDifference difference_of(const at::Tensor& a, const at::Tensor& b) {
  return tensor_difference(a.numel(), reader_of(a), reader_of(b));
}

TEST(TensorStats, PiecesJoinToTheWholeTensorsMoments) {
  // Far from zero and longer than many pieces: a sum of squares would lose all digits of the deviation.
  const auto tensor = at::arange(3 * (1 << 20) + 5, at::kDouble) * 1e-6 + 1e6;
  const auto stats = stats_of(tensor);
  ASSERT_TRUE(stats.mean && stats.std);
  // float64 rounding at 1e6 is 1e-10; the moments carry no more than that.
  EXPECT_NEAR(*stats.mean, tensor.mean().item<double>(), 1e-9);
  EXPECT_NEAR(*stats.std, tensor.std(/*unbiased=*/false).item<double>(), 1e-9);
}

TEST(TensorStats, OnlyTheGivenRangesAreRead) {
  const auto tensor = at::tensor({1.0f, kNan, 3.0f, kNan, 8.0f});
  const std::vector<Range> ranges = {{0, 1}, {2, 3}, {4, 5}};
  const auto stats = tensor_stats(ranges, reader_of(tensor).read);
  EXPECT_EQ(stats.mean, 4.0);
  EXPECT_EQ(stats.num_non_finite, 0);
}

TEST(TensorStats, NonFiniteElementsAreCountedAndLeftOut) {
  const auto stats = stats_of(at::tensor({1.0f, kNan, 3.0f, -kInfinity}));
  EXPECT_EQ(stats.num_non_finite, 2);
  EXPECT_EQ(stats.mean, 2.0);
  EXPECT_EQ(stats.std, 1.0);
}

TEST(TensorStats, TensorWithoutFiniteElementsHasNoMoments) {
  EXPECT_FALSE(stats_of(at::empty({0})).mean);
  const auto stats = stats_of(at::full({3}, kInfinity));
  EXPECT_FALSE(stats.mean || stats.std);
  EXPECT_EQ(stats.num_non_finite, 3);
}

TEST(TensorStats, WholeNumbersBoolsHalvesAndQuartersAreMeasured) {
  EXPECT_EQ(stats_of(at::tensor({1, 3}, at::kLong)).mean, 2.0);
  EXPECT_EQ(stats_of(at::tensor({1, 0}, at::kLong).to(at::kBool)).mean, 0.5);
  for (const auto dtype : {at::kBFloat16, at::kFloat8_e4m3fn, at::kFloat8_e5m2}) {
    EXPECT_EQ(stats_of(at::full({2, 2}, 1.5).to(dtype)).mean, 1.5) << dtype;
  }
  for (const auto dtype : {at::kUInt16, at::kUInt32, at::kUInt64}) {
    EXPECT_EQ(stats_of(at::tensor({1, 3}, at::kLong).to(dtype)).mean, 2.0) << dtype;
  }
}

TEST(TensorDifference, ReachesAcrossPieces) {
  const auto a = at::ones({100000});
  auto b = a.clone();
  b[0] = 0.5;
  b[99999] = -2.0;
  const auto difference = difference_of(a, b);
  EXPECT_FALSE(difference.is_identical);
  EXPECT_EQ(difference.max_abs, 3.0);
  EXPECT_EQ(difference.max_relative(), 3.0);
  EXPECT_DOUBLE_EQ(*difference.l2_relative(), std::sqrt(9.25 / 100000));
}

TEST(TensorDifference, IdenticalMeansTheSameBits) {
  const auto nan = at::tensor({kNan, 1.0f});
  EXPECT_TRUE(difference_of(nan, nan).is_identical);
  EXPECT_FALSE(difference_of(at::tensor({0.0f}), at::tensor({-0.0f})).is_identical);
  EXPECT_EQ(difference_of(at::tensor({0.0f}), at::tensor({-0.0f})).max_abs, 0.0);
  EXPECT_FALSE(difference_of(at::empty({0}), at::empty({0}, at::kDouble)).is_identical);
  EXPECT_TRUE(difference_of(at::empty({0}), at::empty({0})).is_identical);
}

TEST(TensorDifference, CountsElementsThatAreNotFiniteOnOneSide) {
  const auto difference = difference_of(at::tensor({kNan, 1.0f, kInfinity}), at::tensor({kNan, kNan, -kInfinity}));
  EXPECT_EQ(difference.num_non_finite, 2);
  EXPECT_EQ(difference.max_abs, 0.0);
}

TEST(TensorDifference, HasNoRelativeSizeAgainstZero) {
  const auto difference = difference_of(at::zeros({3}), at::ones({3}));
  EXPECT_EQ(difference.max_abs, 1.0);
  EXPECT_FALSE(difference.max_relative() || difference.l2_relative());
}

}  // namespace
}  // namespace fgm
