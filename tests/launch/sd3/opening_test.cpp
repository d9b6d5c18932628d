// Files as they are published: with float8 text encoders beside what is needed, or float8 throughout.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/formats/sd3_files.h"
#include "core/formats/vae_names.h"
#include "tests/core/models/golden.h"
#include "tests/launch/sd3/sd3_job.h"
#include "tests/support/read_tensor.h"

namespace fgm {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr const char* kT5 = "text_encoders.t5xxl.transformer.encoder.block.0.layer.0.SelfAttention.q.weight";

class Opening : public Sd3Job {
 protected:
  // The pipeline in one file, float16, with an autoencoder and a float8 T5.
  std::vector<NamedTensor> with_float8_encoder() {
    std::vector<NamedTensor> tensors;
    const auto transformer =
        as_external(open_sd3_transformer(kPipeline).weights, Naming::kStability, kSingleFilePrefix);
    for (const auto& info : transformer->tensors())
      tensors.push_back({info.name, read_tensor(*transformer, info.name)});
    for (const auto& [name, shape] : vae_shapes({.latent_channels = 4, .channels = {32, 64}, .num_res_blocks = 1})) {
      tensors.push_back({kVaePrefix + name, golden::draw_parameter("vae", name, shape)});
    }
    for (auto& [name, value] : tensors) value = value.to(at::kHalf);
    tensors.push_back({kT5, at::full({4, 4}, 0.5).to(at::kFloat8_e4m3fn)});
    return tensors;
  }
  void write(const std::string& name, const std::vector<NamedTensor>& tensors) {
    write_safetensors(folder_ / name, tensors);
  }
};

TEST_F(Opening, AFloat8TextEncoderInTheFileHindersNoCommand) {
  auto tensors = with_float8_encoder();
  write("float8.safetensors", tensors);
  tensors.pop_back();
  write("without.safetensors", tensors);
  for (const std::string name : {"float8", "without"}) must_run("export " + name + ".safetensors --out " + name);
  EXPECT_TRUE(stored_tensors(folder_ / "float8") == stored_tensors(folder_ / "without"));

  write("in.safetensors", {{"x_t", at::zeros({1, 4, 8, 8})},
                           {"t", at::ones({1})},
                           {"context", at::zeros({1, 3, 12})},
                           {"pooled", at::zeros({1, 10})}});
  must_run("forward --weights float8.safetensors --inputs in.safetensors --out velocity.safetensors");
  must_run("data shapes --shapes.count 4 --shapes.held_out_count 4 --out captions.h5");
  must_run("distill --dry-run --teacher.weights float8.safetensors --data.store captions.h5 --method.batch 4");
  std::ofstream(folder_ / "prompts.txt") << "a red cube\n";
  const std::string sample = "sample --sample.prompts prompts.txt --steps 1 --sample.sample_size 4 --sample.weights ";
  must_run(sample + "float8.safetensors --sample.out alone.png");
  must_run(sample + kPipeline + " --sample.vae float8.safetensors --sample.out with.png");
}

TEST_F(Opening, AFloat8TextEncoderIsListedWithItsStatistics) {
  write("float8.safetensors", with_float8_encoder());
  const auto report = run("inspect float8.safetensors --json");
  ASSERT_EQ(report.code, kExitDone) << report.text;
  const auto json = nlohmann::json::parse(report.text);
  for (const auto& tensor : json["tensors"]) {
    if (tensor["name"] != kT5) continue;
    EXPECT_EQ(tensor["dtype"], "F8_E4M3");
    EXPECT_EQ(tensor["bytes"], 16);
    EXPECT_EQ(tensor["mean"], 0.5);
    return;
  }
  FAIL() << "not listed";
}

TEST_F(Opening, Float8NetworksAndLoneEncodersAreRefusedInOneLine) {
  const auto expect_refused = [&](const std::string& arguments, const auto& says) {
    const auto refused = run(arguments);
    EXPECT_EQ(refused.code, kExitConfig) << arguments;
    EXPECT_THAT(refused.text, says);
    EXPECT_EQ(std::count(refused.text.begin(), refused.text.end(), '\n'), 1) << refused.text;
  };
  auto tensors = with_float8_encoder();
  write("t5.safetensors", {tensors.back()});
  expect_refused("export t5.safetensors --out x", HasSubstr("looks like a T5 text encoder"));
  for (auto& [name, value] : tensors) {
    if (name.ends_with("mlp.fc1.weight")) value = value.to(at::kFloat8_e4m3fn);
  }
  write("float8.safetensors", tensors);
  expect_refused("export float8.safetensors --out x",
                 AllOf(HasSubstr("mlp.fc1.weight is F8_E4M3"), HasSubstr("F32, F16 and BF16 are accepted")));
}

TEST_F(Opening, AFolderOfSomethingElseIsCalledByItsName) {
  std::filesystem::create_directory(folder_ / "lora");
  write("lora/pytorch_lora_weights.safetensors", {{"transformer.x_embedder.lora_A.weight", at::ones({2, 2})}});
  const auto refused = run("export lora --out x");
  EXPECT_EQ(refused.code, kExitConfig);
  EXPECT_THAT(refused.text, HasSubstr("looks like a LoRA"));
}

}  // namespace
}  // namespace fgm
