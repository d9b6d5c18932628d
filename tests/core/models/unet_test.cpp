#include "core/models/unet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>

#include "core/base/rng.h"
#include "core/models/model_factory.h"
#include "tests/core/models/central_differences.h"
#include "tests/support/errors.h"
#include "tests/support/random_model.h"

namespace fgm {
namespace {

UNetConfig small_unet(UNetFlavour flavour) {
  return {.flavour = flavour,
          .image_size = 8,
          .channels = 8,
          .channel_mult = {1, 2},
          .num_res_blocks = 1,
          .attention_resolutions = {4},
          .num_heads = 2,
          .norm_groups = 2,
          .num_classes = 3};
}

// EDM's CIFAR-10 network: train.py --arch=ddpmpp.
UNetConfig edm_cifar10() {
  return {.flavour = UNetFlavour::kEdm, .channel_mult = {2, 2, 2}, .num_res_blocks = 4, .num_heads = 1};
}

at::Tensor draw(const std::string& name, at::IntArrayRef shape, at::ScalarType dtype = at::kDouble) {
  return RandomStream(5, name).normal(0, 0, shape[0], shape.slice(1)).to(dtype);
}

at::Tensor velocity_of(VelocityModel& model, const at::Tensor& x_t, const at::Tensor& t_B) {
  return model.velocity(x_t, t_B, {.context_BLJ = {}, .pooled_BP = at::eye(3, x_t.options()).narrow(0, 0, 2)});
}

TEST(UNet, HasThePublishedNumberOfParameters) {
  EXPECT_EQ(num_parameters(*make_model(UNetConfig(), at::kMeta)), 35'746'307);
  // 55,733,891 parameters, of which 9 x 128 are those of the augmentation's labels.
  EXPECT_EQ(num_parameters(*make_model(edm_cifar10(), at::kMeta)), 55'733'891 - 9 * 128);
}

TEST(UNet, GradientsEqualCentralDifferencesInFloat64) {
  for (const auto flavour : {UNetFlavour::kTorchCfm, UNetFlavour::kEdm}) {
    const auto model = support::random_model(small_unet(flavour), 5, at::kDouble);
    const auto x_t = draw("x", {2, 3, 8, 8}).requires_grad_(true), t = at::tensor({0.3, 0.9});
    std::vector<at::Tensor> leaves{x_t};
    visit_parameters(*model, [&](const std::string&, at::Tensor& p) { leaves.push_back(p.requires_grad_(true)); });
    const auto loss = [&] { return velocity_of(*model, x_t, t).square().sum(); };
    const auto grads = torch::autograd::grad({loss()}, leaves);
    expect_central_differences(loss, leaves, grads, 5, 1e-5);
  }
}

class StageNames : public BlockRunner {
 public:
  TensorList run(Block& block, const TensorList& inputs) override {
    names.push_back(fmt::format("{}:{}", block.name(), inputs.size()));
    return block.forward(inputs);
  }
  std::vector<std::string> names;
};

TEST(UNet, RunsEveryBlockOnceThroughTheRunnerWhichSeesTheSkipsAsInputs) {
  const auto model = support::random_model(small_unet(UNetFlavour::kEdm), 5, at::kFloat);
  const auto x_t = draw("x", {2, 3, 8, 8}, at::kFloat), t = at::tensor({0.3f, 0.9f});
  const auto direct = velocity_of(*model, x_t, t);
  StageNames runner;
  model->set_runner(&runner);
  EXPECT_TRUE(at::equal(velocity_of(*model, x_t, t), direct));
  EXPECT_THAT(runner.names,
              testing::ElementsAre("embed:2", "enc.0:2", "enc.1:2", "enc.2:2", "enc.3:2", "mid.0:2", "mid.1:2",
                                   "dec.0:3", "dec.1:3", "dec.2:2", "dec.3:3", "dec.4:3", "out:1"));
}

TEST(UNet, ClassesChangeTheVelocityAndTheContextDoesNot) {
  const auto model = support::random_model(small_unet(UNetFlavour::kTorchCfm), 5, at::kFloat);
  const auto x_t = draw("x", {1, 3, 8, 8}, at::kFloat).expand({2, -1, -1, -1}), t = at::tensor({0.5f, 0.5f});
  const auto v = velocity_of(*model, x_t, t);
  EXPECT_GT((v[0] - v[1]).abs().max().item<float>(), 1e-2f);
  const auto pooled = at::eye(3).narrow(0, 0, 2);
  EXPECT_TRUE(at::equal(model->velocity(x_t, t, {at::ones({2, 4, 5}), pooled}), v));
}

TEST(UNet, ANewNetworkPredictsZeroInEveryFlavoursOwnUnits) {
  const auto x_t = draw("x", {2, 3, 8, 8}, at::kFloat), t = at::tensor({0.3f, 0.9f});
  const auto theirs = make_model(small_unet(UNetFlavour::kTorchCfm), at::kFloat);
  theirs->initialise(1);
  EXPECT_EQ(velocity_of(*theirs, x_t, t).abs().max().item<float>(), 0.0f);
  const auto edm = make_model(small_unet(UNetFlavour::kEdm), at::kFloat);
  edm->initialise(1);
  const auto skip = edm_factors(t.view({-1, 1, 1, 1})).skip;
  EXPECT_TRUE(at::allclose(velocity_of(*edm, x_t, t), skip * x_t, 1e-6, 1e-6));
}

// For data N(0, sigma_data^2) the denoiser is c_skip x, so EDM's F is zero, and the velocity is E[n - x_0 | x_t].
TEST(EdmFactors, SkipIsTheVelocityOfGaussianDataForEveryTime) {
  const auto t = at::linspace(0.0, 1.0, 101, at::kDouble);
  const auto variance = t.square() + 0.25 * (1.0 - t).square();               // of x_t
  const auto of_noise = t / variance, of_data = 0.25 * (1.0 - t) / variance;  // regressions on x_t
  const auto skip = edm_factors(t).skip;
  EXPECT_TRUE(at::allclose(skip, of_noise - of_data, 1e-12, 1e-12));
  EXPECT_EQ(skip[0].item<double>(), -1.0);   // of data alone: -x_0
  EXPECT_EQ(skip[100].item<double>(), 1.0);  // of noise alone: n
}

TEST(EdmFactors, MakeTheVelocityOfTheDenoisersPublishedForm) {
  const auto t = at::linspace(0.01, 0.98, 98, at::kDouble), sigma = t / (1.0 - t);
  const auto x_t = draw("x", {98}), f = draw("f", {98});
  const auto variance = sigma.square() + 0.25;
  const auto denoised = 0.25 / variance * (x_t / (1.0 - t)) + sigma * 0.5 / variance.sqrt() * f;
  const auto [in, skip, out, noise] = edm_factors(t);
  EXPECT_TRUE(at::allclose(skip * x_t + out * f, (x_t - denoised) / t, 1e-10, 1e-10));
  EXPECT_TRUE(at::allclose(in * x_t, x_t / (1.0 - t) / variance.sqrt(), 1e-12, 1e-12));
  EXPECT_TRUE(at::allclose(noise, sigma.log() / 4.0, 1e-12, 1e-12));
}

TEST(EdmFactors, AreFiniteAtBothEndsAndTellTheNetworkTheNearestLevelThatEdmSamples) {
  for (const auto dtype : {at::kFloat, at::kDouble}) {
    const auto t = at::tensor({0.0, 1.0}).to(dtype);
    const auto factors = edm_factors(t);
    for (const auto& factor : {factors.in, factors.skip, factors.out, factors.noise}) {
      EXPECT_TRUE(factor.isfinite().all().item<bool>());
    }
    EXPECT_NEAR(factors.noise[0].item<double>(), std::log(0.002) / 4, 1e-6);
    EXPECT_NEAR(factors.noise[1].item<double>(), std::log(80.0) / 4, 1e-6);
  }
}

TEST(UNet, NamesTheInputThatDoesNotFit) {
  const auto model = support::random_model(small_unet(UNetFlavour::kTorchCfm), 5, at::kFloat);
  const auto with = [&](at::IntArrayRef x_t, int64_t num_times, int64_t num_classes) {
    return [&model, x_t = x_t.vec(), num_times, num_classes] {
      model->velocity(at::zeros(x_t), at::zeros({num_times}), {{}, at::zeros({2, num_classes})});
    };
  };
  EXPECT_THAT(message_of<ConfigError>(with({2, 3, 8, 4}, 2, 3)), testing::HasSubstr("x_t has shape [2, 3, 8, 4]"));
  EXPECT_THAT(message_of<ConfigError>(with({2, 3, 8, 8}, 3, 3)), testing::HasSubstr("t has shape [3]"));
  EXPECT_THAT(message_of<ConfigError>(with({2, 3, 8, 8}, 2, 4)), testing::HasSubstr("model.num_classes"));
}

TEST(UNet, RejectsSizesThatDoNotFitTogether) {
  const auto make = [](const std::function<void(UNetConfig&)>& change) {
    return [change] {
      auto config = small_unet(UNetFlavour::kTorchCfm);
      change(config);
      UNet(config, at::kMeta);
    };
  };
  EXPECT_THAT(message_of<ConfigError>(make([](UNetConfig& c) { c.image_size = 7; })),
              testing::HasSubstr("model.image_size = 7"));
  EXPECT_THAT(message_of<ConfigError>(make([](UNetConfig& c) { c.attention_resolutions = {16}; })),
              testing::HasSubstr("names 16"));
  EXPECT_THAT(message_of<ConfigError>(make([](UNetConfig& c) { c.norm_groups = 3; })),
              testing::HasSubstr("model.norm_groups = 3"));
  EXPECT_THAT(message_of<ConfigError>(make([](UNetConfig& c) { c.num_heads = 3; })),
              testing::HasSubstr("model.num_heads = 3"));
  EXPECT_THAT(message_of<ConfigError>(make([](UNetConfig& c) { c.channel_mult = {}; })),
              testing::HasSubstr("model.channel_mult"));
}

}  // namespace
}  // namespace fgm
