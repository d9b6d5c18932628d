// The forms in which users have the weights of one network: whole, in shards, in variants, wrapped.
#include "core/formats/weight_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "core/formats/sd3_files.h"
#include "core/formats/sd3_shapes.h"
#include "core/formats/vae_names.h"
#include "core/io/safetensors.h"
#include "tests/core/formats/pipeline.h"
#include "tests/core/models/golden.h"
#include "tests/support/errors.h"
#include "tests/support/read_tensor.h"
#include "tests/support/temporary_folder.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using Tensors = std::vector<NamedTensor>;

constexpr const char* kWhole = "diffusion_pytorch_model.safetensors";
constexpr const char* kIndex = "diffusion_pytorch_model.safetensors.index.json";

class WeightFiles : public testing::Test {
 protected:
  fs::path copy(const std::string& part) {
    fs::copy(kPipeline / part, folder_ / part, fs::copy_options::recursive);
    return folder_ / part;
  }

  // The transformer's tensors, each multiplied by `factor`.
  static Tensors transformer(Naming naming = Naming::kDiffusers, double factor = 1.0) {
    Tensors tensors;
    const auto source = as_external(open_sd3_transformer(kPipeline).weights, naming);
    for (const auto& info : source->tensors()) tensors.push_back({info.name, read_tensor(*source, info.name) * factor});
    return tensors;
  }
  static Tensors renamed(Tensors tensors, const std::string& prefix) {
    for (auto& [name, tensor] : tensors) name = prefix + name;
    return tensors;
  }

  static void expect_golden(const TensorSource& source, const std::string& name_of_case) {
    ASSERT_FALSE(source.tensors().empty());
    for (const auto& info : source.tensors()) {
      EXPECT_TRUE(
          at::equal(read_tensor(source, info.name), golden::draw_parameter(name_of_case, info.name, info.shape)))
          << info.name;
    }
  }

  TemporaryFolder folder_;
};

TEST_F(WeightFiles, ShardsWithAnIndexComeBeforeAWholeFileAsInDiffusers) {
  const auto folder = copy("transformer");
  write_safetensors(folder / kWhole, transformer(Naming::kDiffusers, 2.0));
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const auto opened = open_sd3_transformer(folder);
  const auto log = testing::internal::GetCapturedStdout() + testing::internal::GetCapturedStderr();
  expect_golden(*opened.weights, "transformer");
  EXPECT_THAT(log, AllOf(HasSubstr(kIndex), HasSubstr("are read, as diffusers does, and not " + std::string(kWhole))));
  std::ofstream(folder / kWhole) << "junk";
  expect_golden(*open_sd3_transformer(folder).weights, "transformer");
  fs::remove(folder / kIndex);
  EXPECT_THROW(open_sd3_transformer(folder), IoError) << "without an index the whole file is the one";
}

TEST_F(WeightFiles, AVaesShardsComeBeforeItsWholeFileToo) {
  const auto folder = copy("vae");
  const std::string shard = "diffusion_pytorch_model-00001-of-00001.safetensors";
  fs::rename(folder / kWhole, folder / shard);
  std::string map;
  const SafetensorsFile file(folder / shard);
  for (const auto& info : file.tensors()) map += fmt::format("\"{}\":\"{}\",", info.name, shard);
  map.pop_back();
  std::ofstream(folder / kIndex) << "{\"weight_map\":{" << map << "}}";
  std::ofstream(folder / kWhole) << "junk";
  expect_golden(*open_sd3_vae(folder).weights, "vae");
}

TEST_F(WeightFiles, ShardsOfAnOnlyVariantOpenUnderBothOfItsNames) {
  const auto folder = copy("transformer");
  for (const std::string name :
       {"diffusion_pytorch_model.safetensors.index.fp16.json", "diffusion_pytorch_model.fp16.safetensors.index.json"}) {
    fs::copy(kPipeline / "transformer" / kIndex, folder / name);
    fs::remove(folder / kIndex);
    expect_golden(*open_sd3_transformer(folder).weights, "transformer");
    write_safetensors(folder / kWhole, transformer(Naming::kDiffusers, 2.0));
    const auto whole = read_tensor(*open_sd3_transformer(folder).weights, "context_embedder.bias");
    EXPECT_TRUE(at::equal(whole, 2 * golden::draw_parameter("transformer", "context_embedder.bias", whole.sizes())))
        << "the plain whole file comes before another variant's shards";
    fs::remove(folder / kWhole);
    fs::remove(folder / name);
  }
}

TEST_F(WeightFiles, AccelerateNamesItsShardsOtherwise) {
  const fs::path folder = folder_ / "accelerate";
  fs::create_directory(folder);
  nlohmann::json map;
  auto tensors = renamed(transformer(), "module.");
  const auto middle = tensors.begin() + std::ssize(tensors) / 2;
  const std::vector<Tensors> halves{{tensors.begin(), middle}, {middle, tensors.end()}};
  for (size_t i = 0; i < 2; ++i) {
    const auto name = fmt::format("model-{:05}-of-00002.safetensors", i + 1);
    for (const auto& tensor : halves[i]) map["weight_map"][tensor.name] = name;
    write_safetensors(folder / name, halves[i]);
  }
  const auto index = folder / "model.safetensors.index.json";
  std::ofstream(index) << map;
  expect_golden(*open_sd3_transformer(folder).weights, "transformer");
  expect_golden(*open_sd3_transformer(index).weights, "transformer");
  EXPECT_EQ(indexed_tensors(folder).size(), tensors.size());
  EXPECT_THAT(
      message_of<ConfigError>([&] { open_sd3_transformer(folder / "model-00002-of-00002.safetensors"); }),
      HasSubstr("model-00002-of-00002.safetensors is one of 2 files that hold a model together: give its folder " +
                folder.string()));
  fs::copy(index, folder / "other.safetensors.index.json");
  EXPECT_THAT(
      message_of<IoError>([&] { open_sd3_transformer(folder); }),
      HasSubstr("model.safetensors.index.json and other.safetensors.index.json: give the path of the one to use"));
}

TEST_F(WeightFiles, WhatWrappersPutBeforeEveryNameIsNoHindrance) {
  const auto path = folder_ / "model.safetensors";
  for (const std::string prefix :
       {"_orig_mod.", "module.", "model.", "transformer.", "module._orig_mod.", "diffusion_model.", "net."}) {
    for (const auto naming : {Naming::kDiffusers, Naming::kStability}) {
      write_safetensors(path, renamed(transformer(naming), prefix));
      expect_golden(*open_sd3_transformer(path).weights, "transformer");
    }
  }
  auto incomplete = renamed(transformer(), "_orig_mod.");
  std::erase_if(incomplete, [](const auto& tensor) { return tensor.name == "_orig_mod.proj_out.bias"; });
  write_safetensors(path, incomplete);
  EXPECT_THAT(message_of<ConfigError>([&] { open_sd3_transformer(path); }),
              HasSubstr("_orig_mod.proj_out.bias [16] is missing"));

  const SafetensorsFile vae(kPipeline / "vae" / kWhole);
  Tensors tensors;
  for (const auto& info : vae.tensors()) tensors.push_back({"_orig_mod." + info.name, read_tensor(vae, info.name)});
  const auto folder = copy("vae");
  write_safetensors(folder / kWhole, tensors);
  expect_golden(*open_sd3_vae(folder).weights, "vae");
}

TEST_F(WeightFiles, TwoNetworksInOneFileAreNamed) {
  auto tensors = renamed(transformer(), "module.");
  for (auto& tensor : renamed(transformer(), "ema.")) tensors.push_back(std::move(tensor));
  write_safetensors(folder_ / "model.safetensors", tensors);
  EXPECT_THAT(message_of<ConfigError>([&] { open_sd3_transformer(folder_ / "model.safetensors"); }),
              HasSubstr("holds several SD3 transformers, whose names begin with 'ema.' and 'module.'"));
}

TEST_F(WeightFiles, AFolderWithoutSafetensorsSaysWhatItHas) {
  const auto folder = copy("transformer");
  for (const auto& entry : fs::directory_iterator(kPipeline / "transformer")) {
    if (entry.path().filename() != "config.json") fs::remove(folder / entry.path().filename());
  }
  std::ofstream(folder / "diffusion_pytorch_model.bin") << "PK";
  EXPECT_THAT(message_of<IoError>([&] { open_sd3_transformer(folder); }),
              HasSubstr("; diffusion_pytorch_model.bin is not read: save the weights as safetensors"));
}

// Calls the 16 bytes of `name` 32 elements of F4, for which the writer has no type.
void make_four_bits(const fs::path& path, const std::string& name) {
  std::string bytes;
  {
    std::ifstream file(path, std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(file), {});
  }
  const std::string before = '"' + name + R"(":{"dtype":)";
  const auto at = bytes.find(before + R"("U8","shape":[16])");
  ASSERT_NE(at, std::string::npos);
  bytes.replace(at + before.size(), 17, R"("F4","shape":[32])");
  std::ofstream(path, std::ios::binary) << bytes;
}

TEST_F(WeightFiles, OnlyATextEncoderMayHaveElementsThatAreNotRead) {
  const auto path = folder_ / "model.safetensors";
  const std::string encoder = "text_encoders.t5xxl.x",
                    bias = std::string(kSingleFilePrefix) + "final_layer.linear.bias";
  auto tensors = renamed(transformer(Naming::kStability), kSingleFilePrefix);
  tensors.push_back({encoder, at::zeros({16}, at::kByte)});
  write_safetensors(path, tensors);
  make_four_bits(path, encoder);
  expect_golden(*open_sd3_transformer(path).weights, "transformer");
  for (auto& [name, tensor] : tensors) {
    if (name == bias) tensor = at::zeros({16}, at::kByte);
  }
  write_safetensors(path, tensors);
  make_four_bits(path, bias);
  EXPECT_THAT(message_of<ConfigError>([&] { open_sd3_transformer(path); }),
              HasSubstr(bias + " is F4; F32, F16 and BF16 are accepted"));
}

}  // namespace
}  // namespace fgm
