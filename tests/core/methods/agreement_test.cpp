#include "core/methods/agreement.h"

#include <gtest/gtest.h>

#include <cmath>

namespace fgm {
namespace {

// Two samples of two values, whose products are worked out by hand.
struct Velocities {
  at::Tensor u = at::tensor({3.0f, 0.0f, 0.0f, 4.0f}).view({2, 2});
  at::Tensor v = at::tensor({1.0f, 0.0f, 3.0f, 0.0f}).view({2, 2});
  at::Tensor c = at::tensor({0.0f, 0.0f, 1.0f, 1.0f}).view({2, 2});
};

TEST(Agreement, L2IsTheMeanProductOfTheGapAndTheEstimatorsError) {
  const Velocities at;
  StepReport report;
  report_agreement(at.u, at.v, at.c, 2.0, report);
  // (2, 0) (1, 0) = 2 and (-3, 4) (2, -1) = -10: 2 x (2 - 10) / 2 elements / 2 samples
  EXPECT_DOUBLE_EQ(report.values.at("l2"), -4.0);
}

TEST(Agreement, CosineIsThatOfTheBatchAsOneVector) {
  const Velocities at;
  StepReport report;
  report_agreement(at.u, at.v, at.c, 2.0, report);
  report_cosine(report);
  // u v = 3 + 0, u u = 9 + 16, v v = 1 + 9; the mean of the samples' cosines would be 0.5
  EXPECT_DOUBLE_EQ(report.values.at("cosine"), 3.0 / std::sqrt(250.0));
  EXPECT_EQ(report.values.size(), 2u);
}

}  // namespace
}  // namespace fgm
