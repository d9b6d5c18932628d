// Images of latents: schedule, autoencoder, layouts, and seeds that belong to prompts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "data/import/image_decoder.h"
#include "tests/launch/sd3/sd3_job.h"
#include "tests/support/read_tensor.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

std::string bytes_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

// The largest difference between two images' pixels, in levels of 255.
int largest_difference(const std::string& png, const std::string& other) {
  const auto pixels = [](const std::string& file) {
    return decode_image(std::as_bytes(std::span(file))).pixels.to(at::kInt);
  };
  return (pixels(png) - pixels(other)).abs().max().item<int>();
}

std::vector<nlohmann::json> lines_of(const fs::path& path) {
  std::vector<nlohmann::json> lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

class Sample : public Sd3Job {
 protected:
  void write_prompts(const std::vector<std::string>& prompts, const std::string& name = "prompts.txt") {
    std::ofstream file(folder_ / name);
    for (const auto& prompt : prompts) file << prompt << "\n";
  }
  static std::string arguments(const std::string& more) {
    return fmt::format(
        "sample --run.threads 1 --sample.weights {} --steps 2 --sample.guidance 4.5 "
        "--sample.prompts prompts.txt {}",
        kPipeline, more);
  }
  // Bytes of the images of a flat folder by prompt and number.
  std::map<std::pair<std::string, int64_t>, std::string> images(const std::string& folder) {
    std::map<std::pair<std::string, int64_t>, std::string> found;
    for (const auto& line : lines_of(folder_ / folder / "manifest.jsonl")) {
      found[{line["prompt"], line["number"]}] = bytes_of(folder_ / folder / line["file"].get<std::string>());
    }
    return found;
  }
};

// Batches of 1 give the same bits; in larger ones a row's place in the batch may round it otherwise.
TEST_F(Sample, AnySubsetOrderAndNumberOfRanksGivesAPromptTheSameImages) {
  for (const int batch : {1, 4}) {  // 10 and 6 images: the last batch of 4 is short
    const auto sample = [&](const std::string& name, const std::string& more, int ranks) {
      const auto out = fmt::format("{}_{}", name, batch);
      must_run(arguments(fmt::format("--sample.out {} --sample.per_prompt 2 --sample.batch {} {}", out, batch, more)),
               ranks);
      return images(out);
    };
    write_prompts({"a red cube", "two dogs", "a bench", "a bench", "a cow"});
    const auto all = sample("all", "", 1);
    ASSERT_EQ(all.size(), 10u) << "the second bench goes on with the numbers";
    std::set<std::string> different;
    for (const auto& [key, bytes] : all) different.insert(bytes);
    ASSERT_EQ(different.size(), 10u);
    EXPECT_TRUE(sample("three_ranks", "", 3) == all) << "batches are composed alike on any number of ranks: " << batch;
    EXPECT_NE(sample("other_seed", "--seed 2", 1).at({"a cow", 0}), all.at({"a cow", 0}));

    write_prompts({"a cow", "a bench", "a red cube"});
    const auto some = sample("some", "", 2);
    ASSERT_EQ(some.size(), 6u);
    for (const auto& [key, bytes] : some) {
      const int most_levels = batch == 1 ? 0 : 1;
      EXPECT_LE(largest_difference(all.at(key), bytes), most_levels) << key.first << key.second << batch;
    }
  }
}

TEST_F(Sample, AFlatFolderHasAManifestAndImagesOfTheDecodersSize) {
  write_prompts({"a red cube", "two dogs", "a bench"});
  must_run(arguments("--sample.out flat"), 2);
  const auto png = bytes_of(folder_ / "flat/00002-0000.png");
  EXPECT_EQ(png.substr(1, 3), "PNG");
  EXPECT_EQ(png.substr(16, 8), std::string("\0\0\0\x10\0\0\0\x10", 8)) << "latents of 8 x 8, a decoder of scale 2";
  const auto lines = lines_of(folder_ / "flat/manifest.jsonl");
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[1]["prompt"], "two dogs");
  EXPECT_EQ(lines[1]["file"], "00001-0000.png");
  EXPECT_EQ(lines[1]["steps"], 2);
  EXPECT_EQ(lines[1]["seed"], 1);
  EXPECT_EQ(lines[1]["shift"], 3.0);
  EXPECT_THAT(lines[1]["weights"].get<std::string>(), HasSubstr("sd3_pipeline"));
  must_run(arguments("--sample.out large --sample.sample_size 12"));
  EXPECT_EQ(bytes_of(folder_ / "large/00000-0000.png").substr(19, 1), "\x18");
}

TEST_F(Sample, TheSameCommandResumesAnInterruptedFolderAndAnotherOneIsRefused) {
  write_prompts({"a red cube", "two dogs"});
  must_run(arguments("--sample.out out/sd3.5-medium"));
  const auto expected = images("out/sd3.5-medium");
  const auto kept = folder_ / "out/sd3.5-medium/00000-0000.png";
  const auto written = fs::last_write_time(kept);
  fs::remove(folder_ / "out/sd3.5-medium/00001-0000.png");
  must_run(arguments("--sample.out out/sd3.5-medium"), 2);
  EXPECT_TRUE(images("out/sd3.5-medium") == expected);
  EXPECT_EQ(fs::last_write_time(kept), written) << "sampled again";
  for (const std::string other : {"--seed 2", "--sample.per_prompt 2", "--sample.layout geneval"}) {
    const auto refused = run(arguments("--sample.out out/sd3.5-medium " + other), 2);
    EXPECT_THAT(refused.text, HasSubstr("out/sd3.5-medium holds something else than these images")) << other;
    EXPECT_EQ(refused.code, kExitConfig);
  }
  EXPECT_TRUE(images("out/sd3.5-medium") == expected);
}

TEST_F(Sample, TheScheduleIsThatOfTheSchedulerUnlessAskedOtherwise) {
  write_prompts({"a red cube"});
  must_run(arguments("--sample.out own.png"));
  must_run(arguments("--sample.out three.png --sample.shift 3"));
  must_run(arguments("--sample.out one.png --sample.shift 1"));
  EXPECT_TRUE(bytes_of(folder_ / "own.png") == bytes_of(folder_ / "three.png"));
  EXPECT_FALSE(bytes_of(folder_ / "own.png") == bytes_of(folder_ / "one.png"));
}

TEST_F(Sample, GenEvalFindsItsFolders) {
  const std::vector<std::string> metadata = {
      R"({"tag": "single_object", "include": [{"class": "bench", "count": 1}], "prompt": "a photo of a bench"})",
      R"({"tag": "colors", "include": [{"class": "cow", "count": 1, "color": "red"}], "prompt": "a photo of a red cow"})"};
  write_prompts(metadata, "prompts.jsonl");
  must_run(arguments("--sample.out geneval --sample.layout geneval --sample.per_prompt 2 --sample.prompts "
                     "prompts.jsonl"),
           2);
  for (int prompt = 0; prompt < 2; ++prompt) {
    const auto folder = folder_ / "geneval" / fmt::format("{:05}", prompt);
    EXPECT_EQ(bytes_of(folder / "metadata.jsonl"), metadata[static_cast<size_t>(prompt)] + "\n");
    EXPECT_TRUE(fs::exists(folder / "samples/0000.png"));
    EXPECT_TRUE(fs::exists(folder / "samples/0001.png"));
  }
  EXPECT_EQ(lines_of(folder_ / "geneval/manifest.jsonl")[3]["prompt"], "a photo of a red cow");
  write_prompts({"no json"}, "prompts.jsonl");
  EXPECT_THAT(run(arguments("--sample.out x --sample.prompts prompts.jsonl")).text,
              HasSubstr("prompts.jsonl:1 is no JSON object"));
}

TEST_F(Sample, AStudentMakesImagesOfItsOwnSizeInOneStepAlsoWhereItWasExported) {
  distill_without_a_change("--method.sample_size 4");
  must_run("export student --role ema --out exported");
  must_run("export student --role ema --format single-file --out exported.safetensors");
  write_prompts({"a red cube", "two dogs"});
  const auto sample = [&](const std::string& weights, const std::string& out) {
    must_run(
        fmt::format("sample --run.threads 1 --steps 1 --sample.prompts prompts.txt --sample.weights {} --sample.vae "
                    "{}/vae --sample.out {}",
                    weights, kPipeline, out));
  };
  sample("student", "checkpoint.png");
  sample("exported", "exported.png");
  sample("exported.safetensors", "single_file.png");
  EXPECT_TRUE(bytes_of(folder_ / "checkpoint.png") == bytes_of(folder_ / "exported.png"));
  EXPECT_TRUE(bytes_of(folder_ / "checkpoint.png") == bytes_of(folder_ / "single_file.png"));
  const auto refused =
      run("sample --steps 1 --sample.prompts prompts.txt --sample.out x.png --sample.weights exported");
  EXPECT_THAT(refused.text, HasSubstr("brings no autoencoder; give --sample.vae"));
  EXPECT_EQ(refused.code, kExitConfig);
}

// The pipeline's transformer in one file, as a test wants it.
void write_transformer(const fs::path& path, const std::map<std::string, std::string>& metadata,
                       const std::string& spoilt = "") {
  std::vector<NamedTensor> tensors;
  for (const auto& entry : fs::directory_iterator(FGM_SOURCE_DIR "/tests/golden/sd3_pipeline/transformer")) {
    if (entry.path().extension() != ".safetensors") continue;
    const SafetensorsFile file(entry.path());
    for (const auto& info : file.tensors()) tensors.push_back({info.name, read_tensor(file, info.name)});
  }
  for (auto& [name, tensor] : tensors) {
    if (name == spoilt) tensor.view(-1)[0] = std::nan("");
  }
  write_safetensors(path, tensors, metadata);
}

TEST_F(Sample, ImagesThatAreNotSquareStaySoThroughExports) {
  write_transformer(folder_ / "wide.safetensors", {{"fgm.sample_size", "12x8"}});
  must_run("export wide.safetensors --out a");
  must_run("export a --out b.safetensors");
  write_prompts({"a red cube"});
  const std::map<std::string, std::string> outputs = {
      {"wide.safetensors", "first"}, {"a", "folder"}, {"b.safetensors", "file"}};
  for (const auto& [weights, out] : outputs) {
    must_run(
        fmt::format("sample --run.threads 1 --sample.prompts prompts.txt --sample.weights {} --sample.vae {}/vae "
                    "--steps 2 --sample.out {}",
                    weights, kPipeline, out));
    const auto png = bytes_of(folder_ / out / "00000-0000.png");
    EXPECT_EQ(png.substr(16, 8), std::string("\0\0\0\x18\0\0\0\x10", 8)) << "12 x 8, and a decoder of scale 2";
    EXPECT_TRUE(png == bytes_of(folder_ / outputs.begin()->second / "00000-0000.png")) << weights;
  }
  EXPECT_EQ(nlohmann::json::parse(std::ifstream(folder_ / "a/config.json"))["sample_size"], 12);
}

TEST_F(Sample, WeightsWithNaNAreNamedBeforeAnythingIsSampledOrTrained) {
  write_transformer(folder_ / "nan.safetensors", {}, "transformer_blocks.1.attn.to_k.bias");
  write_prompts({"a red cube"});
  must_run("data shapes --shapes.count 20 --shapes.held_out_count 20 --out captions.h5");
  for (const std::string& command : {"sample --sample.prompts prompts.txt --steps 1 --sample.out x --sample.vae " +
                                         std::string(kPipeline) + "/vae --sample.weights nan.safetensors",
                                     std::string("distill --run x --steps 2 --method.batch 4 --data.store captions.h5 "
                                                 "--teacher.weights nan.safetensors")}) {
    const auto refused = run(command);
    EXPECT_EQ(refused.code, kExitConfig) << refused.text;
    EXPECT_THAT(refused.text, AllOf(HasSubstr("nan.safetensors: joint_blocks.1.x_block.attn.qkv.bias (there "),
                                    HasSubstr("transformer_blocks.1.attn.to_k.bias"), HasSubstr("NaN or infinity")));
    EXPECT_FALSE(fs::exists(folder_ / "x"));
  }
}

}  // namespace
}  // namespace fgm
