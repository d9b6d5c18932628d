#include "core/formats/sd3_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "core/base/error.h"
#include "core/formats/sd3_shapes.h"
#include "core/formats/vae_names.h"
#include "core/models/model_factory.h"
#include "core/models/weights.h"
#include "tests/core/formats/pipeline.h"
#include "tests/core/models/golden.h"
#include "tests/support/errors.h"
#include "tests/support/released_models.h"
#include "tests/support/sparse_weights.h"
#include "tests/support/temporary_folder.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;
using Source = std::shared_ptr<const TensorSource>;

std::vector<NamedTensor> tensors_of(const TensorSource& source) {
  std::vector<NamedTensor> tensors;
  for (const auto& info : source.tensors()) tensors.push_back({info.name, read_all(source, info)});
  return tensors;
}

void expect_golden(const TensorSource& source, const std::string& name_of_case, double tolerance = 0.0) {
  ASSERT_FALSE(source.tensors().empty());
  for (const auto& info : source.tensors()) {
    const auto expected = golden::draw_parameter(name_of_case, info.name, info.shape);
    const auto error = (read_all(source, info).to(at::kFloat) - expected).abs().max().item<double>();
    EXPECT_LE(error, tolerance) << info.name;
  }
}

class Sd3Files : public testing::Test {
 protected:
  // A copy of the pipeline that a test may spoil.
  fs::path copy() {
    fs::copy(kPipeline, folder_ / "pipeline", fs::copy_options::recursive);
    return folder_ / "pipeline";
  }

  // The pipeline's transformer in one file as Stability would publish it, with what else such files hold. Its
  // autoencoder's channels are multiples of 32, which is what a file without config.json is taken to mean.
  std::vector<NamedTensor> single_file(at::ScalarType dtype, const std::string& prefix) {
    auto tensors = tensors_of(*as_external(open_sd3_transformer(kPipeline).weights, Naming::kStability, prefix));
    for (const auto& [name, shape] : vae_shapes({.latent_channels = 4, .channels = {32, 64}, .num_res_blocks = 1})) {
      tensors.push_back({kVaePrefix + name, golden::draw_parameter("vae", name, shape)});
    }
    tensors.push_back({"text_encoders.clip_l.transformer.text_model.final_layer_norm.weight", at::ones({4})});
    for (auto& [name, value] : tensors) value = value.to(dtype);
    return tensors;
  }

  fs::path write(const std::vector<NamedTensor>& tensors) {
    write_safetensors(folder_ / "model.safetensors", tensors);
    return folder_ / "model.safetensors";
  }

  static void edit_json(const fs::path& path, const std::string& key, const nlohmann::json& value) {
    auto json = nlohmann::json::parse(std::ifstream(path));
    json[key] = value;
    std::ofstream(path) << json;
  }

  static std::string transformer_error(const fs::path& path) {
    return message_of<ConfigError>([&] { open_sd3_transformer(path); });
  }

  TemporaryFolder folder_;
};

TEST_F(Sd3Files, OpenWhatDiffusersSaved) {
  const auto transformer = open_sd3_transformer(kPipeline);
  EXPECT_EQ(mmdit_json(transformer.config, 8),
            nlohmann::ordered_json::parse(std::ifstream(kPipeline / "transformer/config.json")));
  EXPECT_EQ(transformer.weights->tensors().size(), mmdit_shapes(transformer.config).size());
  expect_golden(*transformer.weights, "transformer");
  load_parameters(*make_model(transformer.config, at::kFloat), *transformer.weights);

  const auto vae = open_sd3_vae(kPipeline);
  EXPECT_EQ(vae.config.channels, (std::vector<int64_t>{8, 16}));
  EXPECT_EQ(vae.config.norm_groups, 4);
  expect_golden(*vae.weights, "vae");
  EXPECT_EQ(read_schedule_shift(kPipeline), 3.0);

  expect_golden(*open_sd3_transformer(kPipeline / "transformer").weights, "transformer");
  expect_golden(*open_sd3_vae(kPipeline / "vae").weights, "vae");
  EXPECT_EQ(read_schedule_shift(kPipeline / "transformer"), std::nullopt);
}

TEST_F(Sd3Files, OpenASingleFileWithAndWithoutPrefixInEveryDtype) {
  for (const std::string prefix : {kSingleFilePrefix, ""}) {
    for (const auto dtype : {at::kFloat, at::kHalf, at::kBFloat16}) {
      const auto path = write(single_file(dtype, prefix));
      const auto transformer = open_sd3_transformer(path);
      const double tolerance = dtype == at::kFloat ? 0.0 : dtype == at::kHalf ? 0x1p-10 : 0x1p-7;  // of values below 2
      EXPECT_EQ(transformer.weights->tensors().front().dtype, dtype);
      EXPECT_EQ(mmdit_json(transformer.config, 8), mmdit_json(open_sd3_transformer(kPipeline).config, 8));
      expect_golden(*transformer.weights, "transformer", tolerance);
      const auto vae = open_sd3_vae(path);
      EXPECT_EQ(vae.config.channels, (std::vector<int64_t>{32, 64}));
      EXPECT_EQ(vae.config.scaling_factor, 1.5305);
      expect_golden(*vae.weights, "vae", tolerance);
    }
  }
}

TEST_F(Sd3Files, MixDtypesInsideOneFusedTensorToo) {
  auto tensors = tensors_of(*as_external(open_sd3_transformer(kPipeline).weights, Naming::kDiffusers));
  int num_converted = 0;
  for (auto& [name, value] : tensors) {
    if (!name.ends_with("transformer_blocks.1.attn.to_v.weight")) continue;
    value = value.to(at::kBFloat16);
    ++num_converted;
  }
  ASSERT_EQ(num_converted, 1);
  const auto weights = open_sd3_transformer(write(tensors)).weights;
  EXPECT_EQ(find_tensor(*weights, "joint_blocks.1.x_block.attn.qkv.weight").dtype, at::kFloat);
  expect_golden(*weights, "transformer", 0x1p-7);  // bfloat16's precision, of values below 2
}

TEST_F(Sd3Files, OpenOneDiffusersFileAndAnOnlyVariant) {
  const auto folder = folder_ / "transformer";
  fs::create_directory(folder);
  const auto diffusers = tensors_of(*as_external(open_sd3_transformer(kPipeline).weights, Naming::kDiffusers));
  const auto path = folder / "diffusion_pytorch_model.fp16.safetensors";
  write_safetensors(path, diffusers);
  expect_golden(*open_sd3_transformer(path).weights, "transformer");
  expect_golden(*open_sd3_transformer(folder).weights, "transformer");
  fs::copy(path, folder / "diffusion_pytorch_model.bf16.safetensors");
  EXPECT_THAT(message_of<IoError>([&] { open_sd3_transformer(folder); }),
              AllOf(HasSubstr("diffusion_pytorch_model.bf16.safetensors and diffusion_pytorch_model.fp16.safetensors"),
                    HasSubstr("give the path of the one to use")));
  fs::copy(path, folder / "diffusion_pytorch_model.safetensors");
  expect_golden(*open_sd3_transformer(folder).weights, "transformer");
}

TEST_F(Sd3Files, NameMissingSurplusAndMisshapenTensorsInOneErrorAsTheFileDoes) {
  auto tensors = single_file(at::kFloat, kSingleFilePrefix);
  for (auto& [name, value] : tensors) {
    if (name == "model.diffusion_model.joint_blocks.1.x_block.mlp.fc1.bias") name += "x";
    if (name == "model.diffusion_model.final_layer.linear.bias") value = at::zeros({3});
  }
  EXPECT_THAT(transformer_error(write(tensors)),
              AllOf(HasSubstr("model.safetensors"),
                    HasSubstr("model.diffusion_model.joint_blocks.1.x_block.mlp.fc1.biasx is not in the model"),
                    HasSubstr("model.diffusion_model.joint_blocks.1.x_block.mlp.fc1.bias [64] is missing"),
                    HasSubstr("model.diffusion_model.final_layer.linear.bias is [3]")));
}

// Whichever it is: nothing that is there is called missing or surplus for it.
TEST_F(Sd3Files, NameExactlyTheOneTensorThatIsMissing) {
  const auto ours = open_sd3_transformer(kPipeline).weights;
  const auto folder = folder_ / "folder";
  fs::create_directory(folder);
  const auto expect_named = [&](const fs::path& opened, const fs::path& file, const std::vector<NamedTensor>& tensors) {
    for (const auto& absent : tensors) {
      std::vector<NamedTensor> others;
      std::ranges::copy_if(tensors, std::back_inserter(others), [&](const auto& t) { return t.name != absent.name; });
      write_safetensors(file, others);
      const auto error = transformer_error(opened);
      EXPECT_THAT(error, ContainsRegex(": " + absent.name + R"(( \[[0-9, ]*\])? is missing(; the model's sizes|$))"));
    }
  };
  const auto diffusers = tensors_of(*as_external(ours, Naming::kDiffusers));
  ASSERT_GT(diffusers.size(), 80u);
  const auto file = folder_ / "one.safetensors";
  expect_named(file, file, tensors_of(*as_external(ours, Naming::kStability, kSingleFilePrefix)));
  expect_named(file, file, diffusers);
  fs::copy(kPipeline / "transformer/config.json", folder);
  expect_named(folder, folder / "diffusion_pytorch_model.safetensors", diffusers);
}

TEST_F(Sd3Files, NameAMissingTensorBesideOneThatTellsASize) {
  auto tensors = tensors_of(*as_external(open_sd3_transformer(kPipeline).weights, Naming::kDiffusers));
  std::erase_if(tensors, [](const auto& t) { return t.name == "proj_out.bias" || t.name == "pos_embed.pos_embed"; });
  const auto path = write(tensors);
  EXPECT_THAT(transformer_error(path), AllOf(HasSubstr("proj_out.bias is missing"),
                                             HasSubstr("pos_embed.pos_embed is missing"), Not(HasSubstr("attn"))));
  const auto folder = folder_ / "folder";
  fs::create_directory(folder);
  fs::copy(path, folder / "diffusion_pytorch_model.safetensors");
  fs::copy(kPipeline / "transformer/config.json", folder);
  EXPECT_THAT(transformer_error(folder),
              AllOf(HasSubstr("proj_out.bias [16] is missing"), HasSubstr("pos_embed.pos_embed [1, 36, 16] is missing"),
                    Not(HasSubstr("attn"))));
}

TEST_F(Sd3Files, AreRefusedWhenTheirWeightsAreQuantised) {
  auto tensors = single_file(at::kHalf, kSingleFilePrefix);
  const std::string name = "joint_blocks.1.x_block.attn.proj.weight", in_file = kSingleFilePrefix + name;
  const auto error_with = [&](at::ScalarType dtype, const std::string& spoilt) {
    auto some = tensors;
    for (auto& [tensor, value] : some) {
      if (tensor == spoilt) value = value.to(dtype);
    }
    return message_of<ConfigError>([&, path = write(some)] {
      open_sd3_vae(path);
      open_sd3_transformer(path);
    });
  };
  EXPECT_THAT(error_with(at::kChar, in_file), AllOf(HasSubstr(in_file + " is I8; F32, F16 and BF16 are accepted"),
                                                    HasSubstr("convert quantised weights")));
  EXPECT_THAT(error_with(at::kFloat8_e5m2, "first_stage_model.decoder.conv_in.weight"),
              HasSubstr("first_stage_model.decoder.conv_in.weight is F8_E5M2;"));
  for (auto& [tensor, value] : tensors) {
    if (tensor.ends_with("attn.proj.weight")) value = value.to(at::kFloat8_e4m3fn);
  }
  EXPECT_THAT(transformer_error(write(tensors)),
              HasSubstr("attn.proj.weight is F8_E4M3, and 4 more tensors are like it;"));
}

TEST_F(Sd3Files, OpenBesideATextEncoderThatIsQuantised) {
  auto tensors = single_file(at::kHalf, kSingleFilePrefix);
  const std::string t5 = "text_encoders.t5xxl.transformer.encoder.block.0.layer.0.SelfAttention.q.weight";
  tensors.push_back({t5, at::ones({4, 4}).to(at::kFloat8_e4m3fn)});
  const auto path = write(tensors);
  expect_golden(*open_sd3_transformer(path).weights, "transformer", 0x1p-10);
  expect_golden(*open_sd3_vae(path).weights, "vae", 0x1p-10);
  EXPECT_THAT(transformer_error(write({{t5, at::ones({4, 4}).to(at::kFloat8_e4m3fn)}})),
              HasSubstr("looks like a T5 text encoder"));
}

TEST_F(Sd3Files, NameEveryKeyInWhichConfigAndWeightsDisagree) {
  const auto config = copy() / "transformer/config.json";
  edit_json(config, "num_layers", 24);
  edit_json(config, "qk_norm", nullptr);
  EXPECT_THAT(
      transformer_error(folder_ / "pipeline"),
      AllOf(HasSubstr("config.json"), HasSubstr("num_layers is 3, not 24"), HasSubstr("qk_norm is true, not false")));
}

TEST_F(Sd3Files, RefuseAConfigThatSd3CannotHave) {
  const auto config = copy() / "transformer/config.json";
  const auto expect_refused = [&](const char* key, const nlohmann::json& value) {
    const auto before = nlohmann::json::parse(std::ifstream(config));
    edit_json(config, key, value);
    EXPECT_THAT(transformer_error(folder_ / "pipeline"), AllOf(HasSubstr("config.json"), HasSubstr(key)));
    std::ofstream(config) << before;
  };
  expect_refused("qk_norm", "layer_norm");
  expect_refused("out_channels", 8);
  expect_refused("caption_projection_dim", 32);
  expect_refused("num_layers", "three");
  std::ofstream(config) << "[]";
  EXPECT_THAT(transformer_error(folder_ / "pipeline"), HasSubstr("config.json is no JSON object"));
}

TEST_F(Sd3Files, ReadTheSchedulesShiftAndRefuseOtherSchedules) {
  const auto config = copy() / "scheduler/scheduler_config.json";
  edit_json(config, "shift", 1.5);
  EXPECT_EQ(read_schedule_shift(folder_ / "pipeline"), 1.5);
  edit_json(config, "shift", nullptr);
  EXPECT_EQ(read_schedule_shift(folder_ / "pipeline"), 1.0) << "the bare class's default";
  edit_json(config, "use_dynamic_shifting", true);
  EXPECT_THAT(message_of<ConfigError>([&] { read_schedule_shift(folder_ / "pipeline"); }),
              HasSubstr("use_dynamic_shifting"));
}

TEST_F(Sd3Files, RefuseAnIndexThatDoesNotDescribeItsFiles) {
  const auto folder = copy() / "transformer";
  const auto index = folder / "diffusion_pytorch_model.safetensors.index.json";
  const auto sound = nlohmann::json::parse(std::ifstream(index));
  const auto error_with = [&](auto&& change) {
    auto json = sound;
    change(json["weight_map"]);
    std::ofstream(index) << json;
    return message_of<IoError>([&] { open_sd3_transformer(folder); });
  };
  const auto first = "diffusion_pytorch_model-00001-of-00002.safetensors";
  EXPECT_THAT(error_with([&](auto& map) { map["proj_out.bias"] = first; }),
              HasSubstr(std::string("proj_out.bias is not in ") + first));
  EXPECT_THAT(error_with([](auto& map) { map.erase("proj_out.bias"); }),
              HasSubstr("proj_out.bias is not in the index"));
  EXPECT_THAT(error_with([](auto& map) { map["proj_out.bias"] = "../x"; }), HasSubstr("no file name"));
  EXPECT_THAT(error_with([](auto& map) { map["proj_out.bias"] = "gone.safetensors"; }), HasSubstr("gone.safetensors"));
  EXPECT_THAT(error_with([](auto& map) { map = 3; }), HasSubstr("weight_map"));
}

TEST_F(Sd3Files, NameTheJsonFileThatCannotBeParsedInWordsOfOurs) {
  const std::vector<std::string> garbage = {"",    "{\"a\": ", "<html>", "{} {}", std::string("\xFF\xFE{\0}\0", 6),
                                            "\xE9"};
  const auto pipeline = copy();
  for (const std::string name : {"model_index.json", "transformer/config.json", "scheduler/scheduler_config.json",
                                 "transformer/diffusion_pytorch_model.safetensors.index.json"}) {
    const auto file = pipeline / name;
    const auto sound = nlohmann::json::parse(std::ifstream(file));
    for (const auto& bytes : garbage) {
      std::ofstream(file, std::ios::binary) << bytes;
      const auto error = message_of<IoError>([&] {
        open_sd3_transformer(pipeline);
        read_schedule_shift(pipeline);
      });
      EXPECT_THAT(error, AllOf(HasSubstr(file.filename().string()), testing::Not(HasSubstr("json.exception"))))
          << testing::PrintToString(bytes);
    }
    std::ofstream(file) << "\uFEFF" << sound;
    EXPECT_NO_THROW(open_sd3_transformer(pipeline)) << name << " with a byte order mark";
  }
}

TEST_F(Sd3Files, SayInOneLineWhatAFileOfAnotherFamilyLooksLike) {
  const auto error = transformer_error(write({{"lora_unet_joint_blocks_0_x_block.lora_down.weight", at::ones({4})}}));
  EXPECT_THAT(error, AllOf(HasSubstr("model.safetensors looks like a LoRA"), HasSubstr("SD3 transformer is needed")));
  EXPECT_EQ(error.find('\n'), std::string::npos);
  EXPECT_THAT(message_of<ConfigError>([&] { open_sd3_vae(kPipeline / "transformer"); }),
              HasSubstr("looks like an SD3 transformer"));
}

TEST_F(Sd3Files, RefuseFoldersOfOtherPipelinesAndClasses) {
  edit_json(copy() / "model_index.json", "_class_name", "FluxPipeline");
  EXPECT_THAT(transformer_error(folder_ / "pipeline"), HasSubstr("is a FluxPipeline"));
  edit_json(folder_ / "pipeline/transformer/config.json", "_class_name", "FluxTransformer2DModel");
  EXPECT_THAT(transformer_error(folder_ / "pipeline/transformer"), HasSubstr("describes FluxTransformer2DModel"));
  std::ofstream(folder_ / "pipeline/transformer/config.json") << R"({"architectures": ["T5EncoderModel"]})";
  EXPECT_THAT(transformer_error(folder_ / "pipeline/transformer"), HasSubstr("describes T5EncoderModel"));
  fs::create_directory(folder_ / "empty");
  EXPECT_THAT(message_of<IoError>([&] { open_sd3_transformer(folder_ / "empty"); }), HasSubstr("holds no"));
  EXPECT_THROW(open_sd3_transformer(folder_ / "absent"), IoError);
}

int64_t anonymous_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssAnon:")) return std::stoll(line.substr(8));
  }
  return -1;
}

TEST_F(Sd3Files, OpenAFullSizeFileWithoutHoldingIt) {
  const auto path = folder_ / "sparse.safetensors";
  ASSERT_GT(write_sparse_weights(path, sd3_medium()), 4'000'000'000u);

  const auto before = anonymous_kib();
  ASSERT_GT(before, 0);
  const auto weights = open_sd3_transformer(path).weights;
  const auto slice = at::empty({1 << 16});
  for (const char* name : {"pos_embed", "context_embedder.weight", "joint_blocks.0.x_block.attn.qkv.weight",
                           "joint_blocks.23.context_block.adaLN_modulation.1.weight"}) {
    weights->read(name, c10::multiply_integers(find_tensor(*weights, name).shape) / 2, slice);
  }
  EXPECT_LT(anonymous_kib() - before, 32 * 1024);
}

}  // namespace
}  // namespace fgm
