#include "core/models/mmdit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "core/base/error.h"
#include "core/base/rng.h"
#include "core/models/model_factory.h"
#include "tests/core/models/central_differences.h"
#include "tests/support/matmul_counter.h"
#include "tests/support/random_model.h"
#include "tests/support/released_models.h"

namespace fgm {
namespace {

MMDiTConfig tiny() {
  return {.in_channels = 2,
          .patch_size = 2,
          .depth = 3,
          .num_heads = 2,
          .head_width = 4,
          .context_width = 6,
          .pooled_width = 5,
          .pos_embed_max_size = 4,
          .qk_norm = true,
          .dual_attention_blocks = {1}};
}

at::Tensor random(const std::string& name, at::IntArrayRef shape, at::ScalarType dtype) {
  return RandomStream(3, name).normal(0, 0, shape[0], shape.slice(1)).to(dtype);
}

struct Inputs {
  at::Tensor x_t, t;
  Conditioning condition;
};

Inputs inputs_for(const MMDiTConfig& config, at::ScalarType dtype, int64_t batch = 2) {
  return {random("x", {batch, config.in_channels, 4, 6}, dtype),
          at::linspace(0.1, 0.9, batch),
          {random("context", {batch, 3, config.context_width}, dtype),
           random("pooled", {batch, config.pooled_width}, dtype)}};
}

at::Tensor velocity(VelocityModel& model, const Inputs& in) {
  return model.velocity(in.x_t, in.t, in.condition);
}

TEST(MMDiT, HasThePublishedNumberOfParameters) {
  EXPECT_EQ(num_parameters(*make_model(sd3_medium(), at::kMeta)), 2'028'328'000);
  EXPECT_EQ(num_parameters(*make_model(sd35_medium(), at::kMeta)), 2'243'171'520);
  EXPECT_EQ(num_parameters(*make_model(sd35_large(), at::kMeta)), 8'056'627'520);
}

TEST(MMDiT, GradientsEqualCentralDifferencesInFloat64) {
  const auto model = support::random_model(tiny(), 3, at::kDouble);
  const auto in = inputs_for(tiny(), at::kDouble);
  std::vector<at::Tensor> leaves{in.x_t.requires_grad_(true), in.condition.context_BLJ.requires_grad_(true),
                                 in.condition.pooled_BP.requires_grad_(true)};
  visit_parameters(*model, [&](const std::string&, at::Tensor& p) { leaves.push_back(p.requires_grad_(true)); });
  const auto loss = [&] { return velocity(*model, in).square().sum(); };
  const auto grads = torch::autograd::grad({loss()}, leaves, {}, false, false, /*allow_unused=*/true);
  expect_central_differences(loss, leaves, grads, 3, 1e-6);
}

TEST(MMDiT, OnlyTheLastContextQueryNormHasNoGradient) {
  const auto model = support::random_model(tiny(), 3, at::kFloat);
  std::vector<std::string> names;
  std::vector<at::Tensor> leaves;
  visit_parameters(*model, [&](const std::string& name, at::Tensor& p) {
    names.push_back(name);
    leaves.push_back(p.requires_grad_(true));
  });
  const auto loss = velocity(*model, inputs_for(tiny(), at::kFloat)).square().sum();
  const auto grads = torch::autograd::grad({loss}, leaves, {}, false, false, /*allow_unused=*/true);
  std::vector<std::string> unused;
  for (size_t i = 0; i < names.size(); ++i) {
    if (!grads[i].defined()) unused.push_back(names[i]);
  }
  EXPECT_THAT(unused, ::testing::ElementsAre("joint_blocks.2.context_block.attn.ln_q.weight"));
}

TEST(MMDiT, SamplesOfABatchDoNotInfluenceEachOther) {
  const auto model = support::random_model(tiny(), 3, at::kDouble);
  auto in = inputs_for(tiny(), at::kDouble);
  const auto before = velocity(*model, in);
  in.x_t[1].add_(1.0);
  in.condition.context_BLJ[1].mul_(2.0);
  const auto after = velocity(*model, in);
  EXPECT_TRUE(at::allclose(before[0], after[0], 0, 1e-12));
  EXPECT_FALSE(at::allclose(before[1], after[1], 0, 1e-3));
}

// Counts what a sharding runner would see.
class RecordingRunner : public BlockRunner {
 public:
  TensorList run(Block& block, const TensorList& inputs) override {
    names.push_back(block.name());
    return block.forward(inputs);
  }
  std::vector<std::string> names;
};

TEST(MMDiT, RunsEveryBlockOnceThroughTheRunner) {
  const auto model = support::random_model(tiny(), 3, at::kFloat);
  RecordingRunner runner;
  const auto direct = velocity(*model, inputs_for(tiny(), at::kFloat));
  model->set_runner(&runner);
  EXPECT_TRUE(at::equal(velocity(*model, inputs_for(tiny(), at::kFloat)), direct));
  EXPECT_THAT(runner.names,
              ::testing::ElementsAre("embed", "joint_blocks.0", "joint_blocks.1", "joint_blocks.2", "final_layer"));
}

TEST(MMDiT, FrozenParametersStillPassGradientsToTheInput) {
  const auto model = support::random_model(tiny(), 3, at::kFloat);
  auto in = inputs_for(tiny(), at::kFloat);
  in.x_t.requires_grad_(true);
  const auto grads = torch::autograd::grad({velocity(*model, in).sum()}, {in.x_t});
  EXPECT_GT(grads[0].abs().sum().item<float>(), 0.0f);
  visit_parameters(*model, [](const std::string& name, at::Tensor& p) { EXPECT_FALSE(p.requires_grad()) << name; });
}

// Matrix products of one backward pass to x_t, and to the parameters as well where they are trainable.
int backward_products(bool is_trainable) {
  const auto model = support::random_model(tiny(), 3, at::kFloat);
  visit_parameters(*model, [&](const std::string&, at::Tensor& p) { p.set_requires_grad(is_trainable); });
  auto in = inputs_for(tiny(), at::kFloat);
  in.x_t.requires_grad_(true);
  const auto loss = velocity(*model, in).sum();
  const support::MatmulCounter counter;
  loss.backward();
  return counter.count();
}

TEST(MMDiT, FrozenParametersCostNoWeightGradientProducts) {
  const auto model = support::random_model(tiny(), 3, at::kFloat);
  int num_linear = 0;
  visit_parameters(*model, [&](const std::string&, at::Tensor& p) { num_linear += p.dim() >= 2; });
  const int frozen = backward_products(false), trainable = backward_products(true);
  ASSERT_GT(frozen, 0);
  // Frozen: at most one product, to the input, for each layer. Trainable: one more for each weight.
  EXPECT_LE(frozen, num_linear);
  EXPECT_GE(trainable, frozen + num_linear);
}

void expect_config_error(const std::function<void()>& action, const std::string& part) {
  try {
    action();
    ADD_FAILURE() << "no error for: " << part;
  } catch (const ConfigError& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr(part));
  }
}

TEST(MMDiT, NamesTheInputThatDoesNotFit) {
  const auto model = support::random_model(tiny(), 3, at::kFloat);
  const auto in = inputs_for(tiny(), at::kFloat);
  const auto with = [&](const std::function<void(Inputs&)>& change) {
    return [&, change] {
      Inputs bad = in;
      change(bad);
      velocity(*model, bad);
    };
  };
  expect_config_error(with([](Inputs& i) { i.x_t = at::zeros({2, 3, 4, 6}); }), "x_t has shape [2, 3, 4, 6]");
  expect_config_error(with([](Inputs& i) { i.x_t = at::zeros({2, 2, 4, 5}); }), "4 x 5 pixels");
  expect_config_error(with([](Inputs& i) { i.x_t = at::zeros({2, 2, 0, 4}); }), "0 x 4 pixels");
  expect_config_error(with([](Inputs& i) { i.x_t = at::zeros({2, 2, 10, 4}); }), "model.pos_embed_max_size");
  expect_config_error(with([](Inputs& i) { i.t = at::zeros({3}); }), "t has shape [3]");
  expect_config_error(with([](Inputs& i) { i.condition.context_BLJ = at::zeros({2, 3, 7}); }), "model.context_width");
  expect_config_error(with([](Inputs& i) { i.condition.pooled_BP = at::zeros({2, 4}); }), "model.pooled_width");
  expect_config_error(with([](Inputs& i) { i.condition.pooled_BP = at::zeros({1, 5}); }), "pooled has shape [1, 5]");
}

TEST(MMDiT, RejectsSizesThatDoNotFitTogether) {
  auto config = tiny();
  config.dual_attention_blocks = {3};
  expect_config_error([&] { MMDiT(config, at::kFloat); }, "names block 3");
  config = tiny();
  config.depth = 0;
  expect_config_error([&] { MMDiT(config, at::kFloat); }, "model.depth = 0");
  config = tiny();
  config.num_heads = 1;
  config.head_width = 6;
  expect_config_error([&] { MMDiT(config, at::kFloat); }, "multiple of 4");
}

// How many rows a product computes together, and so how it rounds each, is up to the processor's kernels.
TEST(MMDiT, ARowsPlaceInTheBatchChangesItsRoundingOnly) {
  const at::NoGradGuard no_grad;
  const auto model = support::random_model(tiny(), 3, at::kFloat);
  for (const int64_t batch : {2, 3, 7, 16}) {
    const auto x_t = random("x", {batch, 2, 6, 4}, at::kFloat), t_B = at::full({batch}, 0.7);
    const Conditioning condition{random("context", {batch, 5, 6}, at::kFloat), random("y", {batch, 5}, at::kFloat)};
    const auto expected = model->velocity(x_t, t_B, condition);
    const auto largest = expected.abs().max().item<double>();
    ASSERT_FALSE(at::allclose(expected, expected.flip(0), 0, 1e-3 * largest)) << "alike rows show nothing";
    const Conditioning turned{condition.context_BLJ.flip(0), condition.pooled_BP.flip(0)};
    const auto turned_back = model->velocity(x_t.flip(0), t_B, turned).flip(0);
    EXPECT_LE((turned_back - expected).abs().max().item<double>(), 1e-5 * largest) << batch;  // seen: 1e-6
  }
}

}  // namespace
}  // namespace fgm
