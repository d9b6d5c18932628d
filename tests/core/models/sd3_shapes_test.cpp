#include "core/models/sd3_shapes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/models/diffusers_config.h"
#include "core/models/model_family.h"
#include "tests/data/support/errors.h"
#include "tests/support/released_models.h"

namespace fgm {
namespace {

using testing::HasSubstr;

// The released models, in both namings, by shapes alone.
TEST(Sd3Shapes, TellTheReleasedModelsApartAndGiveTheirParameterCounts) {
  const std::vector<std::pair<ModelConfig, int64_t>> released = {
      {sd3_medium(), 2'028'328'000}, {sd35_medium(), 2'243'171'520}, {sd35_large(), 8'056'627'520}};
  for (const auto& [config, num_parameters] : released) {
    const auto ours = mmdit_shapes(config);
    int64_t total = 0;
    for (const auto& [name, shape] : ours) total += name == "pos_embed" ? 0 : c10::multiply_integers(shape);
    EXPECT_EQ(total, num_parameters);
    for (const auto naming : {Naming::kOriginal, Naming::kDiffusers}) {
      ShapeByName file;
      for (const auto& tensor : foreign_tensors(ours, naming)) file.emplace(tensor.name, tensor.shape);
      const auto named = recognise_sd3(file);
      ASSERT_TRUE(named && named->naming == naming);
      const auto inferred = infer_mmdit_config(file, *named, "file", std::nullopt);
      EXPECT_EQ(mmdit_json(inferred, 128), mmdit_json(config, 128));
    }
  }
}

TEST(Sd3Shapes, TakeTheHeadWidthFromConfigAndElseAsManyHeadsAsBlocks) {
  const ModelConfig config{.in_channels = 4, .patch_size = 1, .depth = 2, .num_heads = 4, .head_width = 8};
  const auto shapes = mmdit_shapes(config);
  const NamingAndPrefix named{Naming::kOriginal, ""};
  EXPECT_EQ(infer_mmdit_config(shapes, named, "file", 8).num_heads, 4);
  EXPECT_EQ(infer_mmdit_config(shapes, named, "file", std::nullopt).num_heads, 2);
  EXPECT_THROW(infer_mmdit_config(shapes, named, "file", 5), ConfigError);
}

TEST(Sd3Shapes, WithoutATensorThatTellsASizeAreAnErrorNamingIt) {
  const NamingAndPrefix named{Naming::kDiffusers, ""};
  ShapeByName file;
  for (const auto& tensor : foreign_tensors(mmdit_shapes({}), Naming::kDiffusers)) file[tensor.name] = tensor.shape;
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
  EXPECT_THAT(error_with("other", {1}), HasSubstr("context_embedder.weight is missing"));
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
      {{"something.else", {1}}, "a model that fgm does not know, with 1 tensors (something.else)"},
  };
  for (const auto& [tensor, family] : families) EXPECT_EQ(model_family({tensor}), family);
  EXPECT_EQ(model_family(mmdit_shapes({})), "an SD3 transformer");
}

}  // namespace
}  // namespace fgm
