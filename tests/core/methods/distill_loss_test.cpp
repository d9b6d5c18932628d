#include "core/methods/distill_loss.h"

#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <numbers>

#include "core/base/rng.h"
#include "core/flow/flow_path.h"

namespace fgm {
namespace {

const auto kFloat64 = at::TensorOptions().dtype(at::kDouble);

at::Tensor normal_of(const char* stream, at::ScalarType dtype = at::kDouble) {
  return RandomStream(6, stream).normal(0, 0, 5, {1, 2, 2}).to(dtype);
}

PathPoint some_point(at::ScalarType dtype = at::kDouble) {
  const auto x_0 = normal_of("x_0", dtype), eps = normal_of("eps", dtype);
  const auto t_B = RandomStream(6, "t").uniform(0, 0, 5, {});
  return {x_0, flow_path(x_0, eps, t_B), conditional_velocity(x_0, eps), t_B};
}

MethodConfig realuid(double alpha, double beta) {
  MethodConfig method;
  method.loss = StudentLossKind::kRealUid;
  method.realuid_alpha = alpha;
  method.realuid_beta = beta;
  return method;
}

TEST(RealUid, WithoutAShareForImagesHasTheBitsOfFgmAtLambdaOne) {
  MethodConfig fgm;
  fgm.lambda_1 = 1.0;
  const DistillLoss one = make_distill_loss(fgm), other = make_distill_loss(realuid(1.0, 1.0));
  const auto point = some_point(at::kFloat);
  const auto u = normal_of("u", at::kFloat), v = normal_of("v", at::kFloat);
  EXPECT_TRUE(at::equal(one.student(u, v, point).loss_B, other.student(u, v, point).loss_B));
  EXPECT_TRUE(at::equal(one.student(u, v, point).l1_B, other.student(u, v, point).l1_B));
  EXPECT_TRUE(at::equal(one.estimator_B(v, point), other.estimator_B(v, point)));
  EXPECT_FALSE(other.estimator_on_images_B);
  EXPECT_FALSE(needs_images(realuid(1.0, 1.0)));
}

// dist_loss() of the reference, as means instead of sums over a sample's elements.
TEST(RealUid, LossesAreThoseOfTheReference) {
  constexpr double kAlpha = 0.9, kBeta = 0.8;
  const DistillLoss loss = make_distill_loss(realuid(kAlpha, kBeta));
  ASSERT_TRUE(needs_images(realuid(kAlpha, kBeta)));
  const auto point = some_point();
  const auto u = normal_of("u"), v = normal_of("v");
  const auto error = [&](const at::Tensor& velocity, double scale) {
    return mean_per_sample((velocity - scale * point.c).square());
  };
  const auto close = [](const at::Tensor& a, const at::Tensor& b) { return at::allclose(a, b, 1e-12, 1e-12); };
  EXPECT_TRUE(close(loss.student(u, v, point).loss_B, kAlpha * (error(u, kBeta / kAlpha) - error(v, kBeta / kAlpha))));
  EXPECT_TRUE(close(loss.estimator_B(v, point), kAlpha * error(v, kBeta / kAlpha)));
  EXPECT_TRUE(close(loss.estimator_on_images_B(v, point), (1 - kAlpha) * error(v, (1 - kBeta) / (1 - kAlpha))));
}

struct NormalData {
  double mean, std;

  // E[eps - x_0 | x_t = x] when x_0 ~ N(mean, std^2), and the density of x_t.
  at::Tensor velocity(const at::Tensor& x, double t) const {
    const double a = 1.0 - t, variance = a * a * std * std + t * t;
    return (t - a * std * std) / variance * (x - a * mean) - mean;
  }
  at::Tensor density(const at::Tensor& x, double t) const {
    const double a = 1.0 - t, variance = a * a * std * std + t * t;
    return (-(x - a * mean).square() / (2 * variance)).exp() / std::sqrt(2 * std::numbers::pi * variance);
  }
};

// The velocity at which the estimator's loss is stationary in every direction is the mixture that the paper derives:
// (beta p_g u_g + (1 - beta) p_r u_r) / (alpha p_g + (1 - alpha) p_r), g the generator's samples and r the images.
TEST(RealUid, EstimatorsLossIsLeastAtTheMixtureOfTheTwoFlows) {
  constexpr double kAlpha = 0.9, kBeta = 0.8, kTime = 0.4;
  constexpr int64_t kNodes = 240;
  const NormalData generated{1.0, 1.5}, image{0.3, 0.8};
  const DistillLoss loss = make_distill_loss(realuid(kAlpha, kBeta));
  // The trapezoid rule over +-8 standard deviations is exact to rounding for Gaussians.
  const auto node = at::linspace(-8.0, 8.0, kNodes, kFloat64);
  const auto grid = at::meshgrid({node, node}, "ij");
  const auto z = grid[0].reshape({-1, 1}), eps = grid[1].reshape({-1, 1});
  const double step = 16.0 / (kNodes - 1);
  const auto weight_N = ((-(z.square() + eps.square()) / 2).exp() * (step * step / (2 * std::numbers::pi))).squeeze(1);
  const auto t_N = at::full({z.size(0)}, kTime, kFloat64);

  const auto slope = at::zeros({3}, kFloat64).requires_grad_(true);  // of a disturbance 1, x, x^2 of the velocity
  const auto loss_of = [&](const NormalData& data, const auto& error) {
    const auto x_0 = data.mean + data.std * z, x = flow_path(x_0, eps, t_N);
    const auto p_g = generated.density(x, kTime), p_r = image.density(x, kTime);
    const auto mixture = (kBeta * p_g * generated.velocity(x, kTime) + (1 - kBeta) * p_r * image.velocity(x, kTime)) /
                         (kAlpha * p_g + (1 - kAlpha) * p_r);
    const auto v = mixture + slope[0] + slope[1] * x + slope[2] * x.square();
    return (error(v, PathPoint{x_0, x, conditional_velocity(x_0, eps), t_N}) * weight_N).sum();
  };
  const auto total = loss_of(generated, loss.estimator_B) + loss_of(image, loss.estimator_on_images_B);
  const auto gradient = torch::autograd::grad({total}, {slope})[0];
  EXPECT_LT(gradient.abs().max().item<double>(), 1e-9);
}

TEST(SampleWeight, NormalisedIsTheTeachersMeanDistanceInImageSpace) {
  const auto point = some_point();
  const auto u = normal_of("u").requires_grad_(true);
  const auto t = per_sample(point.t_B, point.x_t);
  const auto x_teacher = point.x_t - t * u;
  const auto expected = point.t_B.square() / mean_per_sample((point.x_0 - x_teacher).abs());
  const auto weight = sample_weight(LossWeight::kNormalised, u, point);
  EXPECT_TRUE(at::allclose(weight.to(at::kDouble), expected, 1e-5, 1e-6));
  EXPECT_FALSE(weight.requires_grad());
  EXPECT_TRUE(at::equal(sample_weight(LossWeight::kTSquared, u, point), point.t_B.square()));
}

TEST(JacobianShare, GoesFromTheFirstStepsToTheLastsAndIsNothingForDmd) {
  MethodConfig method;
  method.steps = 5;
  EXPECT_EQ(jacobian_share(method, 3), 1.0);
  method.jacobian = {0.2, 1.0};
  EXPECT_DOUBLE_EQ(jacobian_share(method, 0), 0.2);
  EXPECT_DOUBLE_EQ(jacobian_share(method, 2), 0.6);
  EXPECT_DOUBLE_EQ(jacobian_share(method, 4), 1.0);
  method.loss = StudentLossKind::kDmd;
  EXPECT_EQ(jacobian_share(method, 4), 0.0);
}

}  // namespace
}  // namespace fgm
