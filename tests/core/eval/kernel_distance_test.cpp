#include "core/eval/kernel_distance.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/base/error.h"
#include "core/base/rng.h"

namespace fgm {
namespace {

at::Tensor normals(int64_t step, int64_t count) {
  return RandomStream(3, "test").normal(step, 0, count, {8});
}

TEST(KernelDistance, OfSixNumbersIsTheClosedForm) {
  // k(x, y) = (x y + 1)^3, over pairs of different numbers within a set and over all pairs between them.
  const auto a = at::tensor({0.0f, 1.0f, 2.0f}).unsqueeze(1), b = at::tensor({1.0f, 3.0f, -1.0f}).unsqueeze(1);
  const double within_a = (1 + 1 + 27) / 3.0, within_b = (64 + 0 - 8) / 3.0;
  const double between = (1 + 1 + 1 + 8 + 64 + 0 + 27 + 343 - 1) / 9.0;
  const auto kid = kernel_distance(a, b);
  EXPECT_NEAR(kid.value, within_a + within_b - 2 * between, 1e-12);
  EXPECT_FALSE(kid.error) << "three images are one block";
}

TEST(KernelDistance, DividesTheProductByTheNumberOfFeatures) {
  const auto a = at::tensor({0.0f, 1.0f, 2.0f}).unsqueeze(1), b = at::tensor({1.0f, 3.0f, -1.0f}).unsqueeze(1);
  EXPECT_NEAR(kernel_distance(a.repeat({1, 4}), b.repeat({1, 4})).value, kernel_distance(a, b).value, 1e-12);
}

TEST(KernelDistance, OfTwoImagesAgainstManyIsTheFormulaToo) {
  const auto a = normals(0, 2).to(at::kDouble), b = normals(1, 2500).to(at::kDouble);
  const auto kernel = [](const at::Tensor& x, const at::Tensor& y) { return (at::matmul(x, y.t()) / 8 + 1).pow(3); };
  const auto of_b = kernel(b, b);
  const double within_b = (of_b.sum() - of_b.trace()).item<double>() / (2500.0 * 2499.0);
  const double expected = kernel(a, a)[0][1].item<double>() + within_b - 2 * kernel(a, b).mean().item<double>();
  EXPECT_NEAR(kernel_distance(a, b).value, expected, 1e-9);
}

TEST(KernelDistance, BetweenDrawsOfOneDistributionIsZeroWithinItsError) {
  int num_within = 0;
  double sum = 0;
  for (int64_t i = 0; i < 40; ++i) {
    const auto kid = kernel_distance(normals(2 * i, 300), normals(2 * i + 1, 500));
    num_within += std::abs(kid.value) < 2 * kid.error.value();
    sum += kid.value / *kid.error;
  }
  EXPECT_GE(num_within, 34);  // of 40; 95 % of a normal's, fewer of Student's t of 9
  EXPECT_LT(std::abs(sum / 40), 0.6) << "an estimate that is biased upwards as Frechet's is lies above zero";
}

TEST(KernelDistance, SeesAShiftedMean) {
  const auto kid = kernel_distance(normals(0, 300), normals(1, 300) + 0.5);
  EXPECT_GT(kid.value, 10 * kid.error.value());
}

TEST(KernelDistance, RefusesASingleImage) {
  EXPECT_THROW(kernel_distance(normals(0, 1), normals(1, 300)), ConfigError);
}

}  // namespace
}  // namespace fgm
