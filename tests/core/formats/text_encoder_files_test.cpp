// The forms in which users have SD3's text encoders.
#include "core/formats/text_encoder_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "core/io/safetensors.h"
#include "core/models/weights.h"
#include "tests/support/errors.h"
#include "tests/support/read_tensor.h"
#include "tests/support/temporary_folder.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using Tensors = std::vector<NamedTensor>;

// Saved by diffusers and transformers: tests/golden/make_text_golden.py.
const fs::path kTextPipeline = FGM_SOURCE_DIR "/tests/golden/sd3_text";

class TextEncoderFilesTest : public testing::Test {
 protected:
  // What the program reads for an encoder, and so its names are transformers'.
  static Tensors tensors_of(const TensorSource& source) {
    Tensors tensors;
    for (const auto& info : source.tensors()) tensors.push_back({info.name, read_tensor(source, info.name)});
    return tensors;
  }
  static Tensors t5_tensors() { return tensors_of(*open_text_encoders(kTextPipeline).t5->weights); }

  // A CLIP of heads that are 64 wide, so that it needs no config.json.
  static Tensors clip_tensors(int64_t width, const std::string& prefix = "") {
    ClipTextEncoder network({.vocab_size = 11,
                             .num_positions = 5,
                             .width = width,
                             .num_layers = 2,
                             .num_heads = width / 64,
                             .mlp_width = 24,
                             .projection_width = 8},
                            at::kFloat);
    Tensors tensors;
    visit_parameters(network, [&](const std::string& name, at::Tensor& parameter) {
      tensors.push_back({prefix + name, at::full_like(parameter, static_cast<double>(name.size()))});
    });
    return tensors;
  }

  std::string write(const std::string& name, const Tensors& tensors) {
    write_safetensors(folder_ / name, tensors);
    return (folder_ / name).string();
  }
  // A list of files: both CLIPs, and what else is given.
  std::string with_clips(const std::string& more = "") {
    return fmt::format("clip_l={},clip_g={}{}", write("clip_l.safetensors", clip_tensors(64)),
                       write("clip_g.safetensors", clip_tensors(128)), more);
  }
  std::string with_t5(const Tensors& tensors) { return with_clips(",t5=" + write("t5.safetensors", tensors)); }
  static std::string error_of(const std::string& path) {
    return message_of<ConfigError>([&] { open_text_encoders(path); });
  }
  static Tensors prefixed(Tensors tensors, const std::string& prefix) {
    for (auto& [name, tensor] : tensors) name = prefix + name;
    return tensors;
  }
  static Tensors joined(Tensors a, const Tensors& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
  }
  static void expect_same(const TensorSource& source, const Tensors& expected) {
    ASSERT_EQ(source.tensors().size(), expected.size());
    for (const auto& [name, tensor] : expected) EXPECT_TRUE(at::equal(read_tensor(source, name), tensor)) << name;
  }

  TemporaryFolder folder_;
};

TEST_F(TextEncoderFilesTest, OpenAPipelineWithItsTokenizers) {
  const auto files = open_text_encoders(kTextPipeline);
  EXPECT_EQ(files.clip_l.config.num_heads, 3);
  EXPECT_TRUE(files.clip_l.config.has_quick_gelu);
  EXPECT_FALSE(files.clip_g.config.has_quick_gelu);
  EXPECT_EQ(files.clip_l.config.eos_token, std::nullopt) << "its config says 2";
  EXPECT_EQ(files.clip_g.config.eos_token, 713);
  EXPECT_EQ(files.clip_g.config.projection_width, 32);
  EXPECT_EQ(files.t5->config.head_width, 12);
  EXPECT_EQ(files.clip_l_tokenizer, kTextPipeline / "tokenizer");
  EXPECT_EQ(files.clip_g_tokenizer, kTextPipeline / "tokenizer_2");
  EXPECT_EQ(files.t5_tokenizer, kTextPipeline / "tokenizer_3");
  EXPECT_FALSE(open_text_encoders(kTextPipeline, {.with_t5 = false}).t5.has_value());

  for (const std::string part : {"text_encoder", "text_encoder_2", "tokenizer"}) {
    fs::copy(kTextPipeline / part, folder_ / part, fs::copy_options::recursive);
  }
  const auto smaller = open_text_encoders(folder_.path());
  EXPECT_FALSE(smaller.t5.has_value());
  EXPECT_TRUE(smaller.t5_tokenizer.empty());
  fs::create_directory(folder_ / "text_encoder_3");
  EXPECT_THAT(message_of<IoError>([&] { open_text_encoders(folder_.path()); }),
              HasSubstr("text_encoder_3 holds no model.safetensors and no index of shards"));
  EXPECT_FALSE(open_text_encoders(folder_.path(), {.with_t5 = false}).t5.has_value());
}

TEST_F(TextEncoderFilesTest, OpenASingleFile) {
  const std::string l = "text_encoders.clip_l.transformer.", g = "text_encoders.clip_g.transformer.";
  const Tensors rest{{"model.diffusion_model.x", at::ones({2}, at::kByte)},
                     {"text_encoders.clip_l.logit_scale", at::ones({})}};
  const auto clips = joined(joined(clip_tensors(64, l), clip_tensors(128, g)), rest);
  const auto without = open_text_encoders(write("clips.safetensors", clips));
  expect_same(*without.clip_l.weights, clip_tensors(64));
  expect_same(*without.clip_g.weights, clip_tensors(128));
  EXPECT_FALSE(without.t5.has_value());
  EXPECT_EQ(without.clip_g.config.num_heads, 2);
  EXPECT_FALSE(without.clip_g.config.has_quick_gelu);
  EXPECT_TRUE(without.clip_l.config.has_quick_gelu);
  EXPECT_TRUE(without.clip_l_tokenizer.empty());

  const auto t5 = prefixed(t5_tensors(), "text_encoders.t5xxl.transformer.");
  const auto path = write("all.safetensors", joined(clips, t5));
  const auto all = open_text_encoders(path);
  expect_same(*all.t5->weights, t5_tensors());
  EXPECT_EQ(all.t5->config.num_heads, 4);
  EXPECT_EQ(all.t5->config.head_width, 12);
  EXPECT_EQ(all.t5->config.num_layers, 3);
  expect_same(*open_text_encoders(fmt::format("clip_l={0},clip_g={0},t5={0}", path)).clip_g.weights, clip_tensors(128));
}

TEST_F(TextEncoderFilesTest, OpenFilesOfOneEncoderEachInEveryNaming) {
  auto flattened = clip_tensors(64);
  std::erase_if(flattened, [](const NamedTensor& tensor) { return tensor.name == "text_projection.weight"; });
  const auto expected = flattened;
  for (auto& [name, tensor] : flattened) name = name.substr(std::string("text_model.").size());
  const auto clip_g = joined(clip_tensors(128), {{"logit_scale", at::ones({})},
                                                 {"text_model.embeddings.position_ids", at::arange(5).unsqueeze(0)},
                                                 {"vision_model.post_layernorm.bias", at::ones({3})},
                                                 {"visual_projection.weight", at::ones({3, 3})}});
  auto t5 = t5_tensors();
  t5.push_back({"encoder.embed_tokens.weight", find_if(t5.begin(), t5.end(), [](const NamedTensor& tensor) {
                                                 return tensor.name == "shared.weight";
                                               })->tensor});
  const auto files = open_text_encoders(fmt::format("clip_l={},clip_g={},t5={}", write("l.safetensors", flattened),
                                                    write("g.safetensors", clip_g), write("t.safetensors", t5)));
  expect_same(*files.clip_l.weights, expected);
  EXPECT_EQ(files.clip_l.config.projection_width, 0);
  expect_same(*files.clip_g.weights, clip_tensors(128));
  EXPECT_EQ(files.clip_g.config.projection_width, 8);
  expect_same(*files.t5->weights, t5_tensors());

  std::erase_if(t5, [](const NamedTensor& tensor) { return tensor.name == "shared.weight"; });
  expect_same(*open_text_encoders(with_t5(t5)).t5->weights, t5_tensors());

  const auto folder = (kTextPipeline / "text_encoder").string();
  const auto of_folder = open_text_encoders(fmt::format("clip_l={},clip_g={}_2", folder, folder));
  EXPECT_EQ(of_folder.clip_l.config.num_heads, 3) << "which its config.json alone tells";
  EXPECT_FALSE(of_folder.t5.has_value());
}

TEST_F(TextEncoderFilesTest, CastPlainFloat8AndRefuseScaledOrOtherQuantisedWeights) {
  auto t5 = t5_tensors();
  for (auto& [name, tensor] : t5) tensor = tensor.to(at::kFloat8_e4m3fn);
  const auto files = open_text_encoders(with_t5(t5));
  T5Encoder network(files.t5->config, at::kHalf);
  load_parameters(network, *files.t5->weights);
  visit_parameters(network, [&](const std::string& name, at::Tensor& parameter) {
    const auto stored = std::ranges::find(t5, name, &NamedTensor::name)->tensor;
    EXPECT_TRUE(at::equal(parameter, stored.to(at::kHalf))) << name;
  });

  auto damaged = t5;
  damaged.front().tensor = at::full_like(damaged.front().tensor.to(at::kFloat), std::nan("")).to(at::kFloat8_e4m3fn);
  EXPECT_THAT(
      message_of<ConfigError>([&] { load_parameters(network, *open_text_encoders(with_t5(damaged)).t5->weights); }),
      HasSubstr(damaged.front().name + " holds NaN or infinity"));

  for (const std::string scale : {"scaled_fp8", "encoder.block.0.layer.0.SelfAttention.q.scale_weight"}) {
    EXPECT_THAT(error_of(with_t5(joined(t5, {{scale, at::ones({1})}}))), HasSubstr(scale + " tells of scaled"));
  }
  t5.back().tensor = t5.back().tensor.to(at::kFloat).to(at::kChar);
  EXPECT_THAT(error_of(with_t5(t5)), HasSubstr(t5.back().name + " is I8; F32, F16, BF16 and F8_E4M3 are accepted"));
}

TEST_F(TextEncoderFilesTest, SayWhatAFileIsInPlaceOfTheEncoder) {
  const auto t5 = write("t5.safetensors", t5_tensors());
  EXPECT_THAT(error_of(t5), AllOf(HasSubstr("looks like a T5 text encoder"), HasSubstr("give a diffusers pipeline")));
  EXPECT_THAT(error_of(with_clips(",t5=" + write("clip.safetensors", clip_tensors(64)))),
              HasSubstr("looks like a CLIP text encoder; T5 is needed"));
  const auto large = write("large.safetensors", clip_tensors(1280));
  EXPECT_THAT(error_of(fmt::format("clip_l={0},clip_g={0}", large)),
              HasSubstr("is 1280 wide, which is CLIP-G; CLIP-L"));
  EXPECT_THAT(error_of(write("odd.safetensors", clip_tensors(64, "text_encoders.clip_l.transformer."))),
              HasSubstr("has no names that begin text_encoders.clip_g.transformer. (CLIP-G)"));
  EXPECT_THAT(error_of(folder_.path()), HasSubstr("has no text_encoder (CLIP-L)"));
  EXPECT_THAT(error_of("nowhere"), HasSubstr("there is no 'nowhere'; give a diffusers pipeline's folder"));
  EXPECT_THAT(error_of("clip_l=a"), HasSubstr("'clip_l=a' lacks clip_g=FILE"));
  EXPECT_THAT(error_of("clip_l=a,clip_l=b"), HasSubstr("gives clip_l twice"));
  EXPECT_THAT(error_of("clip_l=a,clip_g="), HasSubstr("gives no file for clip_g"));
}

TEST_F(TextEncoderFilesTest, NameWhatIsMissingSurplusAndMisshapen) {
  auto t5 = t5_tensors();
  std::erase_if(t5, [](const NamedTensor& tensor) { return tensor.name.ends_with("0.layer_norm.weight"); });
  t5.push_back({"encoder.block.9.extra", at::ones({2})});
  std::ranges::find(t5, "encoder.final_layer_norm.weight", &NamedTensor::name)->tensor = at::ones({63});
  EXPECT_THAT(error_of(with_t5(t5)), AllOf(HasSubstr("encoder.block.0.layer.0.layer_norm.weight [64] is missing"),
                                           HasSubstr("encoder.block.2.layer.0.layer_norm.weight [64] is missing"),
                                           HasSubstr("encoder.block.9.extra is not in the model"),
                                           HasSubstr("encoder.final_layer_norm.weight is [63] in the file and [64]")));
}

TEST_F(TextEncoderFilesTest, HoldAConfigAgainstTheWeightsBesideIt) {
  for (const std::string part : {"text_encoder", "text_encoder_2", "text_encoder_3"}) {
    fs::copy(kTextPipeline / part, folder_ / part, fs::copy_options::recursive);
  }
  const auto with = [&](const std::string& part, const std::string& key, const nlohmann::json& value) {
    auto json = nlohmann::json::parse(std::ifstream(kTextPipeline / part / "config.json"));
    json[key] = value;
    std::ofstream(folder_ / part / "config.json") << json;
    const auto error = error_of(folder_.path());
    fs::copy(kTextPipeline / part / "config.json", folder_ / part / "config.json",
             fs::copy_options::overwrite_existing);
    return error;
  };
  EXPECT_THAT(with("text_encoder_2", "num_hidden_layers", 5),
              HasSubstr("encoder.layers.4.mlp.fc1.weight [64, 32] is missing"));
  EXPECT_THAT(with("text_encoder", "num_attention_heads", 5), HasSubstr("width 24 cannot have 5 heads"));
  EXPECT_THAT(with("text_encoder", "hidden_act", "relu"), HasSubstr("hidden_act is \"relu\""));
  EXPECT_THAT(with("text_encoder_3", "feed_forward_proj", "relu"), HasSubstr("T5 v1.1's, is needed"));
  EXPECT_THAT(with("text_encoder_3", "architectures", {"UMT5EncoderModel"}),
              HasSubstr("describes UMT5EncoderModel; T5EncoderModel or T5ForConditionalGeneration is needed"));
}

// transformers' from_pretrained looks for the whole file first, diffusers' for the index.
TEST_F(TextEncoderFilesTest, AWholeFileComesBeforeShards) {
  for (const std::string part : {"text_encoder", "text_encoder_2", "text_encoder_3"}) {
    fs::copy(kTextPipeline / part, folder_ / part, fs::copy_options::recursive);
  }
  auto whole = t5_tensors();
  for (auto& [name, tensor] : whole) tensor = tensor * 2.0;
  write("text_encoder_3/model.safetensors", whole);
  expect_same(*open_text_encoders(folder_.path()).t5->weights, whole);
}

}  // namespace
}  // namespace fgm
