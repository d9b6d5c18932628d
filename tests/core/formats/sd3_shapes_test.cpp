#include "core/formats/sd3_shapes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/formats/diffusers_config.h"
#include "core/formats/model_family.h"
#include "tests/support/errors.h"
#include "tests/support/released_models.h"

namespace fgm {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// The released models, in both namings, by shapes alone.
TEST(Sd3Shapes, TellTheReleasedModelsApartAndGiveTheirParameterCounts) {
  const std::vector<std::pair<MMDiTConfig, int64_t>> released = {
      {sd3_medium(), 2'028'328'000}, {sd35_medium(), 2'243'171'520}, {sd35_large(), 8'056'627'520}};
  for (const auto& [config, num_parameters] : released) {
    const auto ours = mmdit_shapes(config);
    int64_t total = 0;
    for (const auto& [name, shape] : ours) total += name == "pos_embed" ? 0 : c10::multiply_integers(shape);
    EXPECT_EQ(total, num_parameters);
    for (const auto naming : {Naming::kStability, Naming::kDiffusers}) {
      ShapeByName file;
      for (const auto& tensor : external_tensors(ours, naming)) file.emplace(tensor.name, tensor.shape);
      const auto named = recognise_sd3(file);
      ASSERT_TRUE(named && named->naming == naming);
      const auto inferred = infer_mmdit_config(file, *named, "file", std::nullopt);
      EXPECT_EQ(mmdit_json(inferred, 128), mmdit_json(config, 128));
    }
  }
}

TEST(Sd3Shapes, TakeTheHeadWidthFromConfigAndElseAsManyHeadsAsBlocks) {
  const MMDiTConfig config{.in_channels = 4, .patch_size = 1, .depth = 2, .num_heads = 4, .head_width = 8};
  const auto shapes = mmdit_shapes(config);
  const NamingAndPrefix named{Naming::kStability, ""};
  EXPECT_EQ(infer_mmdit_config(shapes, named, "file", config).num_heads, 4);
  EXPECT_EQ(infer_mmdit_config(shapes, named, "file", std::nullopt).num_heads, 2);
  auto surplus = shapes;
  surplus["joint_blocks.2.bias"] = {1};
  EXPECT_THAT(message_of<ConfigError>([&] { infer_mmdit_config(surplus, named, "file", std::nullopt); }),
              AllOf(HasSubstr("the width 32 does not divide into heads of 10"),
                    HasSubstr("joint_blocks.2.bias is not in the model")));
}

TEST(Sd3Shapes, WithoutATensorThatTellsASizeAreAnErrorNamingIt) {
  const NamingAndPrefix named{Naming::kDiffusers, ""};
  ShapeByName file;
  for (const auto& tensor : external_tensors(mmdit_shapes({}), Naming::kDiffusers)) file[tensor.name] = tensor.shape;
  const auto error_with = [&](const std::string& name, const std::vector<int64_t>& shape) {
    auto spoilt = file;
    spoilt[name] = shape;
    return message_of<ConfigError>([&] { infer_mmdit_config(spoilt, named, "file", std::nullopt); });
  };
  EXPECT_THAT(error_with("pos_embed.proj.weight", {128, 3, 6}),
              HasSubstr("file: pos_embed.proj.weight is [128, 3, 6]"));
  EXPECT_THAT(error_with("pos_embed.proj.weight", {128, 3, 6, 1}), HasSubstr("not square"));
  EXPECT_THAT(error_with("pos_embed.pos_embed", {1, 0, 128}), HasSubstr("pos_embed.pos_embed is [1, 0, 128]"));
  file.erase("context_embedder.weight");
  file.erase("transformer_blocks.1.norm1.linear.bias");
  EXPECT_THAT(error_with("other", {1}),
              AllOf(HasSubstr("context_embedder.weight is missing"), HasSubstr("other is not in the model"),
                    HasSubstr("transformer_blocks.1.norm1.linear.bias is missing"),
                    HasSubstr("no shapes were compared"), Not(HasSubstr("transformer_blocks.0"))));
}

TEST(Sd3Shapes, ANumberThatNoBlockCanHaveIsThatOfASurplusTensor) {
  auto file = mmdit_shapes({});
  file["joint_blocks.4000000000.x_block.attn.proj.weight"] = {1};
  EXPECT_EQ(infer_mmdit_config(file, {Naming::kStability, ""}, "file", std::nullopt).depth, MMDiTConfig().depth);
}

TEST(Sd3Shapes, ANormOfAnotherWidthDoesNotChangeTheHeads) {
  MMDiTConfig config;
  config.qk_norm = true;
  auto file = mmdit_shapes(config);
  file.at("joint_blocks.0.x_block.attn.ln_q.weight") = {5};
  EXPECT_EQ(infer_mmdit_config(file, {Naming::kStability, ""}, "file", std::nullopt).head_width, config.head_width);
}

// Without q/k norm, where the number of heads hangs on that of the blocks.
TEST(Sd3Shapes, AMissingTensorChangesNoOtherSize) {
  auto file = mmdit_shapes({});
  const auto whole = mmdit_json({}, 8);
  int num_refused = 0;
  for (const auto& [name, shape] : ShapeByName(file)) {
    file.erase(name);
    try {
      EXPECT_EQ(mmdit_json(infer_mmdit_config(file, {Naming::kStability, ""}, "file", std::nullopt), 8), whole) << name;
    } catch (const ConfigError& error) {
      EXPECT_THAT(error.what(), StartsWith("file: " + name + " is missing; the model's sizes are unknown"));
      ++num_refused;
    }
    file.emplace(name, shape);
  }
  EXPECT_EQ(num_refused, 4) << "x_embedder.proj, context_embedder, y_embedder.mlp.0 and pos_embed tell sizes alone";
}

TEST(Sd3Shapes, AreRecognisedWithoutAnyOneTensorAndNotInOtherFamilies) {
  for (const auto naming : {Naming::kStability, Naming::kDiffusers}) {
    ShapeByName file;
    for (const auto& tensor : external_tensors(mmdit_shapes({}), naming)) file.emplace(tensor.name, tensor.shape);
    for (const auto& [name, shape] : ShapeByName(file)) {
      file.erase(name);
      EXPECT_TRUE(recognise_sd3(file).has_value()) << name;
      file.emplace(name, shape);
    }
  }
  // The first names of others whose blocks are SD3's: a Flux transformer and a ControlNet.
  const ShapeByName flux = {{"x_embedder.weight", {1}},
                            {"transformer_blocks.0.attn.add_q_proj.weight", {1}},
                            {"proj_out.weight", {1}},
                            {"norm_out.linear.weight", {1}}};
  const ShapeByName control_net = {{"pos_embed.proj.weight", {1}},
                                   {"transformer_blocks.0.attn.add_q_proj.weight", {1}},
                                   {"controlnet_blocks.0.weight", {1}}};
  EXPECT_FALSE(recognise_sd3(flux).has_value());
  EXPECT_FALSE(recognise_sd3(control_net).has_value());
}

TEST(ModelFamily, IsToldFromNamesAndShapes) {
  const std::vector<std::pair<ShapeByName::value_type, std::string>> families = {
      {{"transformer.transformer_blocks.0.attn.to_q.lora_A.weight", {4, 8}}, "a LoRA (an adapter, not a model)"},
      {{"controlnet_blocks.0.weight", {8, 8}}, "a ControlNet"},
      {{"decoder.conv_in.weight", {8, 4, 3, 3}}, "an autoencoder (VAE)"},
      {{"text_model.encoder.layers.0.mlp.fc1.weight", {8, 4}}, "a CLIP text encoder"},
      {{"encoder.block.0.layer.0.SelfAttention.q.weight", {8, 8}}, "a T5 text encoder"},
      {{"double_blocks.0.img_attn.qkv.weight", {8, 8}}, "a Flux transformer"},
      {{"single_transformer_blocks.0.attn.to_q.weight", {8, 8}}, "a Flux transformer"},
      {{"model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight", {2, 768}},
       "the UNet of Stable Diffusion 1"},
      {{"down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k.weight", {2, 2048}}, "the UNet of SDXL"},
      {{"t_block.1.weight", {8, 8}}, "a PixArt transformer"},
      {{"lycoris_joint_blocks_0_x_block_attn_qkv.lokr_w1", {8, 8}}, "a LoRA (an adapter, not a model)"},
      {{"lycoris_joint_blocks_0_x_block_attn_qkv.lokr_w2", {8, 8}}, "a LoRA (an adapter, not a model)"},
      {{"something.else", {1}}, "a model that fgm does not know, with 1 tensors (something.else)"},
  };
  for (const auto& [tensor, family] : families) EXPECT_EQ(model_family({tensor}), family);
  EXPECT_EQ(model_family(mmdit_shapes({})), "an SD3 transformer");
  const ShapeByName::value_type self_attention{"blocks.0.self_attn.q.weight", {8, 8}};
  EXPECT_EQ(model_family({self_attention, {"blocks.0.cross_attn.k.weight", {8, 8}}}), "a Wan transformer");
  EXPECT_THAT(model_family({self_attention}), HasSubstr("does not know"));
}

}  // namespace
}  // namespace fgm
