#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "core/io/safetensors.h"
#include "core/models/model_factory.h"
#include "core/models/weights.h"
#include "core/nn/position_table.h"

// Values of diffusers 0.42.1's SD3Transformer2DModel: tests/golden/make_mmdit_golden.py.
namespace fgm {
namespace {

SafetensorsFile golden(const std::string& name) {
  return SafetensorsFile(FGM_SOURCE_DIR "/tests/golden/" + name + ".safetensors");
}

ModelConfig tiny_sd3() {
  return {.in_channels = 4,
          .patch_size = 2,
          .depth = 2,
          .num_heads = 2,
          .head_width = 8,
          .context_width = 12,
          .pooled_width = 10,
          .pos_embed_max_size = 7};
}

ModelConfig tiny_sd35() {
  auto config = tiny_sd3();
  config.depth = 3;
  config.qk_norm = true;
  config.dual_attention_blocks = {0, 1};
  return config;
}

// Relative to the reference's largest value: both sides sum in fp32, in another order.
void expect_close(const at::Tensor& actual, const at::Tensor& expected, const std::string& what) {
  ASSERT_EQ(actual.sizes(), expected.sizes()) << what;
  const double scale = expected.abs().max().item<double>();
  ASSERT_GT(scale, 0.0) << what << ": an all-zero reference proves nothing";
  EXPECT_LT((actual - expected).abs().max().item<double>(), 1e-5 * std::max(scale, 1.0)) << what;
}

void expect_parity(const std::string& name, const ModelConfig& config) {
  const auto model = make_model(config, at::kFloat);
  load_parameters(*model, golden(name + "_weights"));
  std::map<std::string, at::Tensor> leaves;
  visit_parameters(
      *model, [&](const std::string& key, at::Tensor& parameter) { leaves[key] = parameter.requires_grad_(true); });
  const auto values = golden(name + "_values");
  for (const char* key : {"x_t", "context", "pooled"}) leaves[key] = values.view(key).clone().requires_grad_(true);

  const auto velocity = model->velocity(leaves["x_t"], values.view("t"), {leaves["context"], leaves["pooled"]});
  expect_close(velocity, values.view("velocity"), name + " velocity");

  int num_gradients = 0;
  for (const auto& info : values.tensors()) {
    if (!info.name.starts_with("grad.")) continue;
    const auto grads = torch::autograd::grad({velocity}, {leaves.at(info.name.substr(5))}, {values.view("probe")},
                                             /*retain_graph=*/true);
    expect_close(grads[0], values.view(info.name), name + " " + info.name);
    ++num_gradients;
  }
  EXPECT_GE(num_gradients, 13);
}

TEST(MMDiT, MatchesDiffusersSd3InVelocityAndGradients) {
  expect_parity("mmdit_sd3", tiny_sd3());
}

TEST(MMDiT, MatchesDiffusersSd35WithQkNormAndDualAttention) {
  expect_parity("mmdit_sd35", tiny_sd35());
}

TEST(PositionTable, EqualsDiffusersTable) {
  const auto reference = golden("mmdit_sd3_weights").view("pos_embed");
  const auto table = sincos_position_table(16, 7, 4, at::kCPU);
  ASSERT_EQ(table.sizes(), reference.sizes());
  // Sines in float64, rounded once: at most one unit in the last place between two libraries.
  EXPECT_LT((table - reference).abs().max().item<double>(), 1.2e-7);
}

}  // namespace
}  // namespace fgm
