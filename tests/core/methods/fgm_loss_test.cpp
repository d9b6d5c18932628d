#include "core/methods/fgm_loss.h"

#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "core/flow/flow_path.h"
#include "core/flow/student_generator.h"
#include "core/methods/distill_loss.h"
#include "tests/support/tiny_velocity_model.h"

namespace fgm {
namespace {

const auto kDouble = at::TensorOptions().dtype(at::kDouble);

struct Gaussian {
  double mean, std;
};

// The exact velocity E[eps - x_0 | x_t = x] when x_0 ~ N(mean, std^2); one value of t for each row of x.
at::Tensor exact_velocity(const Gaussian& data, const at::Tensor& x, const at::Tensor& t) {
  const auto alpha = 1.0 - t;
  const double variance = data.std * data.std;
  const auto slope = (t - alpha * variance) / (alpha.square() * variance + t.square());
  return slope * (x - alpha * data.mean) - data.mean;
}

// d/dm of E[lambda_1 L1 + L2] for a student N(m, s^2) and exact velocities. The velocities are affine in x, so three
// Gauss-Hermite nodes in z and in eps integrate the (quadratic) loss exactly; t by the midpoint rule.
double loss_gradient(const Gaussian& student, const Gaussian& teacher, double lambda_1) {
  constexpr int64_t kTimes = 20000;
  const double root3 = std::sqrt(3.0);
  const auto nodes = at::tensor({-root3, 0.0, root3}, kDouble);
  const auto weights = at::tensor({1.0 / 6, 2.0 / 3, 1.0 / 6}, kDouble);
  const auto t = (at::arange(kTimes, kDouble) + 0.5) / static_cast<double>(kTimes);
  const auto grid = at::meshgrid({t, nodes, nodes}, "ij");
  const auto weight = (weights.view({1, 3, 1}) * weights.view({1, 1, 3})).expand({kTimes, 3, 3}).reshape({-1, 1});
  const auto t_N = grid[0].reshape({-1});
  const auto z = grid[1].reshape({-1, 1}), eps = grid[2].reshape({-1, 1});

  const auto m = at::tensor(student.mean, kDouble).requires_grad_(true);
  const auto x_0 = m + student.std * z;
  const auto x_t = flow_path(x_0, eps, t_N);
  const auto u = exact_velocity(teacher, x_t, t_N.unsqueeze(1));
  const auto v = exact_velocity(student, x_t, t_N.unsqueeze(1));
  const auto loss_N = fgm_loss(u, v, conditional_velocity(x_0, eps), lambda_1).loss_B;
  const auto loss = (loss_N * weight.squeeze(1)).sum() / static_cast<double>(kTimes);
  return torch::autograd::grad({loss}, {m})[0].item<double>();
}

constexpr Gaussian kStudent{1.0, 1.5}, kTeacher{0.3, 0.8};

// METHOD's closed form: the theorem (lambda_1 = 1) is the gradient of the true objective E || u - v_m ||^2.
TEST(FgmLoss, GivesTheTrueGradientForGaussiansAtLambdaOne) {
  EXPECT_NEAR(loss_gradient(kStudent, kTeacher, 1.0), 1.374447, 1e-6);
}
TEST(FgmLoss, GivesTheKnownGradientForGaussiansAtLambdaZero) {
  EXPECT_NEAR(loss_gradient(kStudent, kTeacher, 0.0), 0.956137, 1e-6);
}
TEST(FgmLoss, GivesTheKnownGradientForGaussiansAtSidAlpha) {
  EXPECT_NEAR(loss_gradient(kStudent, kTeacher, -0.4), 0.788813, 1e-6);
}
TEST(FgmLoss, HasNoGradientWhereTheStudentIsTheTeacher) {
  for (const double lambda_1 : {1.0, 0.0, -0.4}) EXPECT_NEAR(loss_gradient(kTeacher, kTeacher, lambda_1), 0.0, 1e-9);
}

TEST(FgmLoss, SumOfPartsIsTheDifferenceOfTwoRegressions) {
  const auto u = at::randn({5, 3, 4}, kDouble), v = at::randn({5, 3, 4}, kDouble), c = at::randn({5, 3, 4}, kDouble);
  const auto loss = fgm_loss(u, v, c, 1.0);
  const auto expected = mean_per_sample((u - c).square() - (v - c).square());
  EXPECT_TRUE(at::allclose(loss.l1_B + loss.l2_B, expected, 1e-12, 1e-12));
  EXPECT_TRUE(at::equal(loss.loss_B, loss.l1_B + loss.l2_B));
  EXPECT_FALSE(at::allclose(loss.l2_B, expected)) << "random tensors must tell L1 + L2 from L2 alone";
}

// The whole student gradient, through x_t into both networks' inputs and through c, against central differences.
class FgmGradient : public ::testing::TestWithParam<double> {
 protected:
  static constexpr int64_t kBatch = 3;
  support::TinyVelocityModel teacher_{{1, 2, 2}, 2, at::kDouble, 1};
  support::TinyVelocityModel estimator_{{1, 2, 2}, 2, at::kDouble, 2};
  support::TinyVelocityModel student_{{1, 2, 2}, 2, at::kDouble, 3};
  Conditioning condition_{RandomStream(4, "context").normal(0, 0, kBatch, {3, 2}).to(at::kDouble),
                          RandomStream(4, "pooled").normal(0, 0, kBatch, {2}).to(at::kDouble)};
  at::Tensor z_ = RandomStream(4, "z").normal(0, 0, kBatch, {1, 2, 2}).to(at::kDouble);
  at::Tensor eps_ = RandomStream(4, "eps").normal(0, 0, kBatch, {1, 2, 2}).to(at::kDouble);
  at::Tensor t_ = RandomStream(4, "t").uniform(0, 0, kBatch, {});

  at::Tensor loss() {
    const auto x_0 = generate(student_, {&z_, 1}, condition_, {.times = {0.75}});
    const auto x_t = flow_path(x_0, eps_, t_);
    const auto u = teacher_.velocity(x_t, t_, condition_), v = estimator_.velocity(x_t, t_, condition_);
    return fgm_loss(u, v, conditional_velocity(x_0, eps_), GetParam()).loss_B.sum();
  }
};

TEST_P(FgmGradient, MatchesCentralDifferencesThroughBothNetworks) {
  TensorList parameters;
  visit_parameters(student_, [&](const std::string&, at::Tensor& p) { parameters.push_back(p.requires_grad_(true)); });
  const auto gradients = torch::autograd::grad({loss()}, parameters);
  constexpr double kStep = 1e-5;
  const at::NoGradGuard no_grad;
  for (size_t i = 0; i < parameters.size(); ++i) {
    double* p = parameters[i].data_ptr<double>();
    for (int64_t j = 0; j < parameters[i].numel(); ++j) {
      const double original = p[j];
      p[j] = original + kStep;
      const double above = loss().item<double>();
      p[j] = original - kStep;
      const double below = loss().item<double>();
      p[j] = original;
      // Central differences err by step^2 times the third derivative (1e-10) and rounding / step (1e-11).
      ASSERT_NEAR(gradients[i].view({-1})[j].item<double>(), (above - below) / (2 * kStep), 1e-7);
    }
  }
}

// The student moves each sample by the gap of the velocities, teacher's minus estimator's: c = eps - x_0.
TEST(DmdLoss, GradientOfASampleIsTheGapOfTheVelocities) {
  const auto normal = [](const char* stream) {
    return RandomStream(6, stream).normal(0, 0, 5, {1, 2, 2}).to(at::kDouble);
  };
  const auto u = normal("u"), v = normal("v"), eps = normal("eps"), x_0 = normal("x_0").requires_grad_(true);
  MethodConfig method;
  method.loss = StudentLossKind::kDmd;
  method.lambda_1 = 3.0;
  const DistillLoss loss = make_distill_loss(method);
  EXPECT_EQ(jacobian_share(method, 0), 0.0);
  const auto [loss_B, l1_B] = loss.student(u, v, {x_0, {}, conditional_velocity(x_0, eps), {}});
  const auto gradient = torch::autograd::grad({loss_B.sum()}, {x_0})[0];
  EXPECT_TRUE(at::allclose(gradient, 2.0 * (u - v) / 4.0, 1e-12, 1e-12)) << "means over 4 elements";
  EXPECT_TRUE(at::allclose(l1_B, (u - v).square().mean({1, 2, 3}), 1e-12, 1e-12));
}

INSTANTIATE_TEST_SUITE_P(Lambdas, FgmGradient, ::testing::Values(1.0, 0.0, -0.4));

}  // namespace
}  // namespace fgm
