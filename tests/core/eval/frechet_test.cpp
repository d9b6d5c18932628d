#include "core/eval/frechet.h"

#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/base/rng.h"
#include "core/eval/feature_space.h"
#include "core/eval/shapes/dataset.h"
#include "core/io/npz.h"
#include "core/io/safetensors.h"
#include "tests/support/read_tensor.h"

namespace fgm {
namespace {

Gaussian gaussian(const at::Tensor& mean, const at::Tensor& covariance) {
  return {mean.to(at::kDouble), covariance.to(at::kDouble)};
}

at::Tensor images_of_scenes(uint64_t seed) {
  return shapes::make_shapes(24, 600, seed, shapes::Split::kHeldOut).images_NHWC;
}

double image_distance(const at::Tensor& a_NHWC, const at::Tensor& b_NHWC) {
  const auto fit = [](const at::Tensor& images_NHWC) {
    return fit_gaussian(features_of(random_conv_space(), images_NHWC));
  };
  return frechet_distance(fit(a_NHWC), fit(b_NHWC));
}

at::Tensor add_noise(const at::Tensor& images_NHWC, double sigma) {
  const auto noise = RandomStream(5, "test").normal(0, 0, images_NHWC.size(0), images_NHWC.sizes().slice(1));
  return (images_NHWC.to(at::kFloat) + sigma * noise).round().clamp(0, 255).to(at::kByte);
}

at::Tensor random_covariance(int64_t sample) {
  const auto root = RandomStream(1, "test").normal(0, sample, 1, {6, 6})[0].to(at::kDouble);
  return at::matmul(root, root.t());
}

TEST(FrechetDistance, OfCommutingGaussiansIsTheClosedForm) {
  const auto a = gaussian(at::tensor({1.0, 2.0, 3.0}, at::kDouble), at::diag(at::tensor({1.0, 4.0, 9.0}, at::kDouble)));
  const auto b = gaussian(at::tensor({0.0, 2.0, 5.0}, at::kDouble), at::diag(at::tensor({4.0, 4.0, 0.0}, at::kDouble)));
  // |mean difference|^2 + sum (sqrt(a_i) - sqrt(b_i))^2
  EXPECT_NEAR(frechet_distance(a, b), (1 + 0 + 4) + (1 + 0 + 9), 1e-8);
}

TEST(FrechetDistance, OfGaussiansThatDoNotCommuteIsTheClosedForm) {
  // tr (AB)^1/2 of 2 x 2 matrices is sqrt(tr AB + 2 sqrt(det AB)).
  const auto a = at::tensor({2.0, 1.0, 1.0, 3.0}, at::kDouble).reshape({2, 2});
  const auto b = at::tensor({5.0, -2.0, -2.0, 1.0}, at::kDouble).reshape({2, 2});
  ASSERT_FALSE(at::allclose(at::matmul(a, b), at::matmul(b, a)));
  const double trace_ab = 2 * 5 + 2 * 1 * -2 + 3 * 1, det_ab = 5.0 * 1.0;
  const double expected = (2 + 3) + (5 + 1) - 2 * std::sqrt(trace_ab + 2 * std::sqrt(det_ab));
  const auto mean = at::zeros({2}, at::kDouble);
  EXPECT_NEAR(frechet_distance(gaussian(mean, a), gaussian(mean, b)), expected, 1e-8);
}

TEST(FrechetDistance, IsSymmetricAndZeroToItself) {
  const auto a = gaussian(at::arange(6), random_covariance(0)), b = gaussian(at::zeros({6}), random_covariance(1));
  ASSERT_GT(frechet_distance(a, b), 1.0);
  // Of the order of 1e-14 of the traces, under a square root.
  EXPECT_NEAR(frechet_distance(a, b), frechet_distance(b, a), 1e-8);
  EXPECT_NEAR(frechet_distance(a, a), 0.0, 1e-8);
}

TEST(FrechetDistance, OfFeaturesIsThatOfThePublicFidPrograms) {
  const SafetensorsFile golden(std::filesystem::path(FGM_SOURCE_DIR) / "tests/golden/eval/frechet.safetensors");
  const auto distance =
      frechet_distance(fit_gaussian(read_tensor(golden, "a")), fit_gaussian(read_tensor(golden, "b")));
  const double expected = read_tensor(golden, "distance").item<double>();
  EXPECT_NEAR(distance, expected, 1e-9 * expected);
}

TEST(FrechetDistance, RefusesDifferentNumbersOfFeatures) {
  const auto a = gaussian(at::zeros({2}), at::eye(2)), b = gaussian(at::zeros({3}), at::eye(3));
  EXPECT_THROW(frechet_distance(a, b), ConfigError);
}

TEST(Statistics, AreReadAsTheyWereWritten) {
  const auto path = std::filesystem::path(::testing::TempDir()) / "fgm_statistics.npz";
  const auto written = gaussian(at::arange(6), random_covariance(0));
  write_statistics(path, written);
  const auto read = read_statistics(path);
  EXPECT_TRUE(at::equal(read.mean, written.mean));
  EXPECT_TRUE(at::equal(read.covariance, written.covariance));
  write_npz(path, {{"mu", at::zeros({3}, at::kDouble)}, {"sigma", at::zeros({2, 2}, at::kDouble)}});
  EXPECT_THROW(read_statistics(path), ConfigError);
  write_npz(path, {{"mu", at::zeros({3}, at::kDouble)}});
  EXPECT_THROW(read_statistics(path), ConfigError);
  std::filesystem::remove(path);
}

TEST(FitGaussian, IsTheSampleMeanAndUnbiasedCovariance) {
  const auto fitted = fit_gaussian(at::tensor({0.0, 0.0, 2.0, 4.0}, at::kFloat).reshape({2, 2}));
  EXPECT_TRUE(at::equal(fitted.mean, at::tensor({1.0, 2.0}, at::kDouble)));
  EXPECT_TRUE(at::equal(fitted.covariance, at::tensor({2.0, 4.0, 4.0, 8.0}, at::kDouble).reshape({2, 2})));
  EXPECT_THROW(fit_gaussian(at::zeros({1, 2})), ConfigError);
}

TEST(ImageFeatures, DoNotDependOnHowTheSetIsCut) {
  const auto images = images_of_scenes(1);
  const auto space = random_conv_space();
  const auto whole = features_of(space, images);
  ASSERT_EQ(whole.sizes(), (std::vector<int64_t>{600, 64}));
  const auto parts =
      at::cat({features_of(space, images.narrow(0, 0, 100)), features_of(space, images.narrow(0, 100, 500))});
  // float32 sums of at most 288 terms, in an order that may depend on the batch.
  EXPECT_TRUE(at::allclose(whole, parts, 1e-4, 1e-5));
}

TEST(FrechetDistance, OfImagesGrowsWithTheirCorruption) {
  const auto reference = images_of_scenes(1), fresh = images_of_scenes(2);
  EXPECT_NEAR(image_distance(reference, reference), 0.0, 1e-6);
  double previous = image_distance(reference, fresh);
  EXPECT_GT(previous, 0.0);
  for (const double sigma : {10.0, 20.0, 40.0, 80.0}) {
    const double distance = image_distance(reference, add_noise(fresh, sigma));
    EXPECT_GT(distance, 1.5 * previous) << "noise of " << sigma;
    previous = distance;
  }
}

TEST(FrechetDistance, SeesAMissingColour) {
  const auto reference = images_of_scenes(1), fresh = images_of_scenes(2);
  const auto without_green = at::where(at::arange(3) == 1, at::full({}, 128, at::kByte), fresh);
  EXPECT_GT(image_distance(reference, without_green), 5 * image_distance(reference, fresh));
}

}  // namespace
}  // namespace fgm
