#include <gtest/gtest.h>

#include <cmath>

#include "core/models/model_factory.h"

namespace fgm {
namespace {

std::map<std::string, at::Tensor> initialised(const MMDiTConfig& config, uint64_t seed) {
  const auto model = make_model(config, at::kFloat);
  model->initialise(seed);
  std::map<std::string, at::Tensor> parameters;
  visit_parameters(*model, [&](const std::string& name, at::Tensor& p) { parameters[name] = p; });
  return parameters;
}

TEST(InitialValues, FollowsDiTsRules) {
  MMDiTConfig config;
  config.qk_norm = true;
  auto p = initialised(config, 1);
  EXPECT_EQ(p.at("joint_blocks.0.x_block.adaLN_modulation.1.weight").abs().max().item<float>(), 0.0f);
  EXPECT_EQ(p.at("final_layer.linear.weight").abs().max().item<float>(), 0.0f);
  EXPECT_EQ(p.at("joint_blocks.3.x_block.mlp.fc1.bias").abs().max().item<float>(), 0.0f);
  EXPECT_EQ(p.at("joint_blocks.3.x_block.attn.ln_q.weight").min().item<float>(), 1.0f);
  EXPECT_EQ(p.at("joint_blocks.3.x_block.attn.ln_q.weight").max().item<float>(), 1.0f);
  // 128 x 256 draws: the standard error of a standard deviation is 0.4 %.
  EXPECT_NEAR(p.at("t_embedder.mlp.0.weight").std().item<double>(), 0.02, 4e-4);
  const double bound = std::sqrt(6.0 / (128 + 512));
  const auto& fc1 = p.at("joint_blocks.1.context_block.mlp.fc1.weight");
  EXPECT_LE(fc1.abs().max().item<double>(), bound);
  EXPECT_GT(fc1.abs().max().item<double>(), 0.99 * bound);
  const double patch_bound = std::sqrt(6.0 / (128 + 3 * 36));
  EXPECT_NEAR(p.at("x_embedder.proj.weight").abs().max().item<double>(), patch_bound, 0.01 * patch_bound);
}

TEST(InitialValues, DependOnSeedAndNameOnly) {
  MMDiTConfig shallow, deep;
  shallow.depth = 2;
  const auto a = initialised(shallow, 1), b = initialised(deep, 1), c = initialised(shallow, 2);
  const std::string name = "joint_blocks.0.x_block.attn.qkv.weight";
  EXPECT_TRUE(at::equal(a.at(name), b.at(name)));
  EXPECT_FALSE(at::equal(a.at(name), c.at(name)));
  EXPECT_FALSE(at::equal(b.at(name), b.at("joint_blocks.1.x_block.attn.qkv.weight")));
}

}  // namespace
}  // namespace fgm
