// Weights in, weights out: the same bytes in every naming.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "tests/launch/sd3/sd3_job.h"
#include "tests/support/read_tensor.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Pair;

class Export : public Sd3Job {
 protected:
  void export_as(const std::string& from, const std::string& format, const std::string& to,
                 const std::string& more = "") {
    must_run("export " + from + " --format " + format + " --out " + to + " " + more);
  }
  nlohmann::json json_of(const std::string& name) const { return nlohmann::json::parse(std::ifstream(folder_ / name)); }
};

TEST_F(Export, GivesBackEveryTensorByteForByteInBothNamingsAndAcross) {
  const auto original = stored_tensors(fs::path(kPipeline) / "transformer");
  ASSERT_GT(original.size(), 50u);
  export_as(kPipeline, "diffusers", "a");
  EXPECT_TRUE(stored_tensors(folder_ / "a") == original);
  export_as(kPipeline, "single-file", "b.safetensors");
  const auto single = stored_tensors(folder_ / "b.safetensors");
  EXPECT_TRUE(single.contains("model.diffusion_model.joint_blocks.0.x_block.attn.qkv.weight"));
  export_as("b.safetensors", "diffusers", "c");
  EXPECT_TRUE(stored_tensors(folder_ / "c") == original);
  export_as("c", "single-file", "d.safetensors");
  EXPECT_TRUE(stored_tensors(folder_ / "d.safetensors") == single);
}

TEST_F(Export, OfSixteenBitWeightsKeepsTheirBitsAndOnlyParametersAreConverted) {
  for (const std::string dtype : {"bf16", "fp16"}) {
    export_as(kPipeline, "single-file", dtype + ".safetensors", "--dtype " + dtype);
    const auto half = stored_tensors(folder_ / (dtype + ".safetensors"));
    const auto expected = dtype == "bf16" ? at::kBFloat16 : at::kHalf;
    EXPECT_EQ(half.at("model.diffusion_model.final_layer.linear.weight").dtype, expected);
    EXPECT_EQ(half.at("model.diffusion_model.pos_embed").dtype, at::kFloat);
    export_as(dtype + ".safetensors", "diffusers", dtype);
    export_as(dtype, "single-file", dtype + "_again.safetensors");
    EXPECT_TRUE(stored_tensors(folder_ / (dtype + "_again.safetensors")) == half);
  }
}

TEST_F(Export, OfAShardedCheckpointIsTheNetworkThatWasDistilled) {
  distill_without_a_change();
  const auto original = stored_tensors(fs::path(kPipeline) / "transformer");
  for (const std::string role : {"student", "ema", "ema_0.75", "student_ema_0.75"}) {
    export_as("student", "diffusers", "as_" + role, "--role " + role);
    EXPECT_TRUE(stored_tensors(folder_ / ("as_" + role)) == original) << role;
  }
  EXPECT_EQ(json_of("as_ema/config.json"),
            nlohmann::json::parse(std::ifstream(fs::path(kPipeline) / "transformer/config.json")));

  const SafetensorsFile file(folder_ / "as_ema/diffusion_pytorch_model.safetensors");
  EXPECT_THAT(
      file.metadata(),
      AllOf(Contains(Pair("format", "pt")), Contains(Pair("modelspec.sai_model_spec", "1.0.1")),
            Contains(Pair("modelspec.architecture", "stable-diffusion-v3")), Contains(Pair("fgm.role", "student_ema")),
            Contains(Pair("fgm.init_time", "0.75")), Contains(Pair("fgm.times", "0.75,0")),
            Contains(Pair("fgm.guidance", "4.5")), Contains(Pair("fgm.shift", "3"))));
  EXPECT_FALSE(file.metadata().contains("fgm.config")) << "a released model tells nobody's paths";
}

TEST_F(Export, OfAnExportHasTheMetadataOfTheFirst) {
  distill_without_a_change("--method.sample_size 4 --sample.shift 2.5");
  export_as("student", "single-file", "a.safetensors", "--role student");
  export_as("a.safetensors", "diffusers", "b", "--max-shard-size 0.00004");
  export_as("b", "diffusers", "c");
  export_as("c", "single-file", "d.safetensors", "--role student");
  const auto metadata = [&](const std::string& file) { return SafetensorsFile(folder_ / file).metadata(); };
  const auto first = metadata("a.safetensors");
  EXPECT_THAT(first, AllOf(Contains(Pair("fgm.role", "student")), Contains(Pair("fgm.step", "1")),
                           Contains(Pair("fgm.init_time", "0.75")), Contains(Pair("fgm.times", "0.75,0")),
                           Contains(Pair("fgm.guidance", "4.5")), Contains(Pair("fgm.shift", "2.5")),
                           Contains(Pair("fgm.sample_size", "4")), Contains(Pair("modelspec.resolution", "32x32"))));
  EXPECT_EQ(metadata("d.safetensors"), first);
  auto of_folder = metadata("c/diffusion_pytorch_model.safetensors");
  of_folder["modelspec.implementation"] = first.at("modelspec.implementation");
  EXPECT_EQ(of_folder, first);
  EXPECT_EQ(json_of("b/config.json")["sample_size"], 4);
  EXPECT_EQ(json_of("c/config.json")["sample_size"], 4);
}

TEST_F(Export, TakesNoRoleButTheOneOfTheWeights) {
  const auto expect_refused = [&](const std::string& arguments, const std::string& part) {
    const auto refused = run("export " + arguments + " --out refused");
    EXPECT_EQ(refused.code, kExitConfig) << arguments;
    EXPECT_THAT(refused.text, HasSubstr(part));
    EXPECT_EQ(std::count(refused.text.begin(), refused.text.end(), '\n'), 1) << refused.text;
    EXPECT_FALSE(fs::exists(folder_ / "refused"));
  };
  export_as(kPipeline, "single-file", "base.safetensors", "--role teacher");
  expect_refused("base.safetensors --role student", "base.safetensors: its role is teacher, and student was asked for");
  expect_refused(std::string(kPipeline) + " --role ema", "its role is teacher, and student_ema or teacher_ema was");
  distill_without_a_change();
  export_as("student", "diffusers", "average", "--role ema");
  export_as("average", "single-file", "average.safetensors", "--role ema");
  expect_refused("average.safetensors --role teacher", "its role is student_ema, and teacher was asked for");
  expect_refused("student --role ema_0.5", "no weights of role student_ema_0.5, teacher_ema_0.5 in it, only");
}

TEST_F(Export, CutsAFolderIntoShardsThatOpenLikeOneFile) {
  export_as(kPipeline, "diffusers", "cut", "--max-shard-size 0.00004");
  EXPECT_TRUE(stored_tensors(folder_ / "cut") == stored_tensors(fs::path(kPipeline) / "transformer"));
  const auto index = json_of("cut/diffusion_pytorch_model.safetensors.index.json");
  uint64_t total = 0;
  std::set<std::string> files;
  for (const auto& [name, tensor] : stored_tensors(folder_ / "cut")) total += tensor.bytes.size();
  for (const auto& [tensor, file] : index["weight_map"].items()) files.insert(file);
  EXPECT_EQ(index["metadata"]["total_size"], total);
  ASSERT_GT(files.size(), 2u);
  for (const auto& file : files) {
    EXPECT_THAT(file, HasSubstr(fmt::format("-of-{:05}.safetensors", files.size())));
    EXPECT_LT(fs::file_size(folder_ / "cut" / file), 60'000u);
  }
  export_as("cut", "single-file", "whole.safetensors");
  export_as(kPipeline, "single-file", "expected.safetensors");
  EXPECT_TRUE(stored_tensors(folder_ / "whole.safetensors") == stored_tensors(folder_ / "expected.safetensors"));
}

TEST_F(Export, SaysInOneLineWhatItCannotDo) {
  const auto expect_refused = [&](const std::string& arguments, const std::string& part) {
    const auto refused = run("export " + arguments);
    EXPECT_EQ(refused.code, kExitConfig) << arguments;
    EXPECT_THAT(refused.text, HasSubstr(part));
    EXPECT_EQ(std::count(refused.text.begin(), refused.text.end(), '\n'), 1) << refused.text;
  };
  const std::string from = kPipeline;
  export_as(from, "diffusers", "there");
  expect_refused(from + " --out there", "--out there is there already");
  export_as(from, "single-file", "there.safetensors");
  expect_refused(from + " --out there.safetensors", "--out there.safetensors is there already");
  expect_refused(from + " --out x --dtype int8", "--dtype = 'int8' is not one of bf16, fp16, fp32");
  expect_refused(from + " --out x --max-shard-size 0", "no number of gigabytes above 0");
  expect_refused(from + "/vae --out x", "describes AutoencoderKL");
  auto huge = stored_tensors(folder_ / "there");
  const SafetensorsFile file(folder_ / "there/diffusion_pytorch_model.safetensors");
  std::vector<NamedTensor> tensors;
  for (const auto& info : file.tensors())
    tensors.push_back({info.name, info.name == "proj_out.bias" ? at::full({16}, 1e6) : read_tensor(file, info.name)});
  write_safetensors(folder_ / "huge.safetensors", tensors);
  expect_refused("huge.safetensors --out x --dtype fp16", "proj_out.bias has a value that is not finite in Half; give");
  for (auto& [name, tensor] : tensors) {
    if (name == "proj_out.bias") tensor = at::full({16}, std::nan(""));
  }
  write_safetensors(folder_ / "nan.safetensors", tensors);
  for (const std::string dtype : {"", " --dtype fp16"}) {
    expect_refused("nan.safetensors --out y" + dtype, "proj_out.bias holds NaN or infinity: the weights are damaged");
  }
  expect_refused("nan.safetensors --out new/y.safetensors",
                 "model.diffusion_model.final_layer.linear.bias (there proj_out.bias) holds NaN");
}

TEST_F(Export, ThatFailsLeavesWhatWasThereBeforeAndNothingElse) {
  export_as(kPipeline, "diffusers", "a");
  const SafetensorsFile file(folder_ / "a/diffusion_pytorch_model.safetensors");
  std::vector<NamedTensor> tensors;
  for (const auto& info : file.tensors()) tensors.push_back({info.name, read_tensor(file, info.name)});
  tensors.back().tensor.view(-1)[0] = std::nan("");
  write_safetensors(folder_ / "nan.safetensors", tensors);
  fs::create_directory(folder_ / "empty");
  for (const std::string& out :
       {std::string("new/folder"), std::string("empty"), std::string("new/file.safetensors")}) {
    const auto failed = run("export nan.safetensors --max-shard-size 0.00004 --out " + out);
    EXPECT_EQ(failed.code, kExitConfig) << failed.text;
    EXPECT_THAT(failed.text, HasSubstr("holds NaN or infinity"));
    EXPECT_FALSE(fs::exists(folder_ / "new")) << out;
  }
  EXPECT_TRUE(fs::is_empty(folder_ / "empty"));
}

TEST_F(Export, TheNameOfTheOutputSaysTheFormat) {
  const std::string from = std::string("export ") + kPipeline + " --out ";
  must_run(from + "student.safetensors");
  EXPECT_TRUE(stored_tensors(folder_ / "student.safetensors").contains("model.diffusion_model.pos_embed"));
  must_run(from + "folder.v1");
  EXPECT_TRUE(fs::exists(folder_ / "folder.v1/config.json"));
  const auto expect_refused = [&](const std::string& arguments, const std::string& part) {
    const auto refused = run(from + arguments);
    EXPECT_EQ(refused.code, kExitConfig) << arguments;
    EXPECT_THAT(refused.text, HasSubstr(part));
  };
  expect_refused("x.safetensors --format diffusers", "is the name of a file, and --format diffusers writes a folder");
  expect_refused("x --format single-file", "the name of a single file ends in .safetensors");
  expect_refused("x.ckpt", "fgm writes safetensors");
  expect_refused("x.ckpt --dry-run", "fgm writes safetensors");
}

}  // namespace
}  // namespace fgm
