// What the program prints and how it exits; the built one where the process matters.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/io/png.h"
#include "core/io/safetensors.h"
#include "data/store/store.h"
#include "tests/support/in_process.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::StartsWith;

class Cli : public testing::Test {
 protected:
  void SetUp() override { fs::create_directories(folder_); }
  void TearDown() override { fs::remove_all(folder_); }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  const fs::path folder_ = fs::path(testing::TempDir()) / fmt::format("fgm_cli_{}", getpid());
};

TEST_F(Cli, HelpAndVersionSucceedAndNoCommandFails) {
  const auto help = fgm("--help");
  EXPECT_EQ(help.code, kExitDone);
  EXPECT_THAT(help.text, testing::AllOf(HasSubstr("data pack"), HasSubstr("inspect")));
  EXPECT_THAT(fgm("--version").text, testing::MatchesRegex("fgm [0-9.]+ \\(.+\\)\n"));
  EXPECT_EQ(fgm("").code, kExitConfig);
  EXPECT_THAT(fgm("inspect --help").text, StartsWith("usage: fgm inspect PATH"));
}

TEST_F(Cli, MistakeIsOneLineNamingItWithExitCode2) {
  const auto key = fgm("inspect x --optimizer.lrr 3");
  EXPECT_EQ(key.code, kExitConfig);
  EXPECT_EQ(key.text, "fgm: unknown key 'optimizer.lrr'; did you mean 'optimizer.lr'?\n");
  const auto command = fgm("inspekt x");
  EXPECT_EQ(command.code, kExitConfig);
  EXPECT_EQ(command.text, "fgm: unknown sub-command 'inspekt'; did you mean 'inspect'? 'fgm --help' lists them\n");
  EXPECT_EQ(shell("FGM_LOG=loud " FGM_BINARY " inspect x").code, kExitConfig);
}

TEST_F(Cli, OpenMPsThreadsSpinBrieflyUnlessTheUserSaysHowTheyWait) {
  const auto settings = [](const std::string& variables) {
    return shell("env -u GOMP_SPINCOUNT OMP_DISPLAY_ENV=verbose " + variables + " " FGM_BINARY " --version").text;
  };
  EXPECT_THAT(settings(""), testing::AllOf(HasSubstr("GOMP_SPINCOUNT = '1000'"), HasSubstr("\nfgm ")));
  EXPECT_THAT(settings("GOMP_SPINCOUNT=77"), HasSubstr("GOMP_SPINCOUNT = '77'"));
  EXPECT_THAT(settings("OMP_WAIT_POLICY=passive"), HasSubstr("GOMP_SPINCOUNT = '0'"));
}

TEST_F(Cli, PrintedConfigReadsBackAsItself) {
  const auto printed = fgm("inspect --print-config --seed 77 --method.lambda_1 -0.3");
  ASSERT_EQ(printed.code, kExitDone);
  ASSERT_THAT(printed.text, HasSubstr("lambda_1 = -0.3\n"));
  std::ofstream(path("run.cfg")) << printed.text;
  EXPECT_EQ(fgm("inspect --print-config --config " + path("run.cfg")).text, printed.text);
}

TEST_F(Cli, FullDiskBehindStdoutIsAFailureAndAReaderThatLeftIsNot) {
  const auto full = fgm("--help > /dev/full");
  EXPECT_EQ(full.code, kExitDoNotRequeue);
  EXPECT_EQ(full.text, "fgm: standard output cannot be written: No space left on device\n");
  EXPECT_EQ(shell("bash -c 'exec 3> >(:); wait $!; " FGM_BINARY " --help >&3'").code, kExitDone);
}

TEST_F(Cli, LimitOfAFilesSizeIsAFullDiskAndNoSignal) {
  const auto full = shell("ulimit -f 8; " FGM_BINARY " data shapes --shapes.count 200 --out " + path("s.h5") +
                          " --held-out " + path("h.h5"));
  EXPECT_EQ(full.code, kExitDoNotRequeue) << full.text;
  EXPECT_THAT(full.text, HasSubstr("File too large"));
}

TEST_F(Cli, InspectListsTensorsOfWeights) {
  const auto spoilt = at::tensor({1.0f, 3.0f, std::numeric_limits<float>::infinity()});
  write_safetensors(path("w.safetensors"), {{"block.weight", at::full({2, 3}, 0.5)}, {"block.bias", spoilt}},
                    {{"role", "student"}, {"model", "[model]\ndepth = 4\n"}});
  const auto text = in_process(folder_, "inspect " + path("w.safetensors"));
  EXPECT_EQ(text.code, kExitDone);
  EXPECT_THAT(text.text,
              testing::AllOf(HasSubstr("    depth = 4\n"), HasSubstr("2 tensors, 9 values, 36 B, 1 not finite")));

  const auto json = nlohmann::json::parse(in_process(folder_, "inspect --json " + path("w.safetensors")).text);
  EXPECT_EQ(json["metadata"]["role"], "student");
  EXPECT_EQ(json["totals"]["non_finite"], 1);
  const auto& tensors = json["tensors"];
  const auto bias =
      std::find_if(tensors.begin(), tensors.end(), [](const auto& t) { return t["name"] == "block.bias"; });
  ASSERT_NE(bias, tensors.end());
  EXPECT_EQ(*bias, nlohmann::json::parse(R"({"name": "block.bias", "role": "student", "shape": [3], "dtype": "F32",
                                             "bytes": 12, "mean": 2.0, "std": 1.0, "non_finite": 1, "missing": 0})"));
}

TEST_F(Cli, InspectVerifiesAndCompares) {
  write_safetensors(path("a.safetensors"), {{"w", at::ones({64})}});
  write_safetensors(path("b.safetensors"), {{"w", at::full({64}, 1.5)}});
  const auto verified = in_process(folder_, "inspect --verify " + path("a.safetensors"));
  EXPECT_EQ(verified.code, kExitDone);
  EXPECT_THAT(verified.text, HasSubstr("  ok     a.safetensors\n"));
  const auto difference = in_process(folder_, "inspect " + path("a.safetensors") + " --diff " + path("b.safetensors"));
  EXPECT_EQ(difference.code, kExitDone);
  EXPECT_THAT(difference.text, HasSubstr("1 of 1 tensors differ"));
  EXPECT_EQ(in_process(folder_, "inspect --verify --diff x y").code, kExitConfig);

  fs::resize_file(path("a.safetensors"), 100);
  const auto damaged = in_process(folder_, "inspect --json --verify " + path("a.safetensors"));
  EXPECT_EQ(damaged.code, kExitConfig);
  EXPECT_EQ(nlohmann::json::parse(damaged.text)["ok"], false);
}

TEST_F(Cli, InspectShowsNoControlCharactersOfAFile) {
  write_safetensors(path("w.safetensors"), {{"a\x1b[2Jb", at::ones({2})}});
  const auto shown = in_process(folder_, "inspect " + path("w.safetensors"));
  EXPECT_THAT(shown.text, HasSubstr("a\\x1B[2Jb"));
}

TEST_F(Cli, InspectSaysWhatIsWrongWithADamagedFile) {
  write_safetensors(path("w.safetensors"), {{"block.weight", at::ones({64})}});
  fs::resize_file(path("w.safetensors"), fs::file_size(path("w.safetensors")) - 8);
  const auto cut = in_process(folder_, "inspect " + path("w.safetensors"));
  EXPECT_EQ(cut.code, kExitConfig);
  EXPECT_THAT(cut.text, testing::AllOf(HasSubstr("w.safetensors"), HasSubstr("cut short")));
  EXPECT_EQ(std::count(cut.text.begin(), cut.text.end(), '\n'), 1);

  std::ofstream(path("s.h5"), std::ios::binary) << "\x89HDF\r\n\x1a\n and nothing more";
  EXPECT_EQ(in_process(folder_, "inspect " + path("s.h5")).code, kExitConfig);
  EXPECT_EQ(in_process(folder_, "inspect " + path("missing")).text, "fgm: '" + path("missing") + "' does not exist\n");
}

TEST_F(Cli, PhotographsArePackedAndTheCorruptOneIsNamed) {
  for (const std::string kind : {"dress", "t-shirt"}) {
    fs::create_directories(folder_ / "images" / kind);
    write_png(folder_ / "images" / kind / "1.png", at::full({40, 60, 3}, 200, at::kByte));
  }
  std::ofstream(path("images/dress/2.jpg")) << "not a JPEG";
  const std::string pack = "data pack --images " + path("images") + " --resolution 16 --out " + path("s.h5");
  EXPECT_EQ(in_process(folder_, pack + " --dry-run").code, kExitDone);
  EXPECT_FALSE(fs::exists(path("s.h5")));
  const auto packed = in_process(folder_, pack);
  EXPECT_EQ(packed.code, kExitDone);
  EXPECT_THAT(packed.text, testing::AllOf(HasSubstr("2.jpg"), HasSubstr("2 images written, 1 skipped")));

  EXPECT_EQ(Store(path("s.h5")).image_shape(), (std::vector<int64_t>{16, 16, 3}));
  EXPECT_THAT(packed.text, testing::Not(HasSubstr("num_tokens")));
  EXPECT_THAT(
      in_process(folder_, pack + " --text.num_tokens 4").text,
      HasSubstr("s.h5: 2 of 2 captions are longer than text.num_tokens = 4 words; the first: 'a photo of a dress'; "
                "text.num_tokens = 5 would do for all of them"));
}

// None of the inputs is there: what is wrong with the output is said first, so nothing was read or drawn in vain.
TEST_F(Cli, AnOutputThatCannotBeWrittenIsFoundBeforeTheWork) {
  std::ofstream(path("file")) << "x";
  const auto out = path("file/x");
  fs::create_directories(path("images/dress"));
  const std::vector<std::string> commands = {
      "data pack --images " + path("images") + " --out " + out + ".h5",
      "data prompts --from nowhere.txt --out " + out + ".h5",
      "data idx --images nowhere --labels nowhere --names a --out " + out + ".h5",
      "data embeddings --from nowhere --out " + out + ".h5",
      "data latents --from nowhere --vae nowhere --out " + out + ".h5",
      "data shapes --out " + path("a.h5") + " --held-out " + out + ".h5",
      "sample --sample.weights nowhere --sample.prompts nowhere --sample.out " + out + ".h5",
      "sample --sample.weights nowhere --sample.prompts nowhere --sample.out " + out,
      "pairs --sample.weights nowhere --sample.prompts nowhere --out " + out + ".h5",
      "eval --eval.samples a=nowhere.h5 --eval.reference nowhere.h5 --eval.report " + out + ".json",
      "export nowhere --out " + out,
      "export nowhere --format single-file --out " + out + ".safetensors",
      "forward --weights nowhere --inputs nowhere --out " + out + ".safetensors"};
  for (const auto& command : commands) {
    const auto result = in_process(folder_, command);
    EXPECT_EQ(result.code, kExitConfig) << command;
    EXPECT_THAT(result.text, testing::AllOf(HasSubstr("cannot write"), HasSubstr("file is no folder"))) << command;
  }
  EXPECT_FALSE(fs::exists(path("a.h5"))) << "the first store was drawn before the second was looked at";
}

TEST_F(Cli, AListOfPromptsBecomesAStoreThatIsReadLikeTheList) {
  std::ofstream(path("p.csv")) << "id,TEXT\n1,a cat\n2\n3,a dog\n4,a cat\n";
  const std::string command = "data prompts --from p.csv --column TEXT --out " + path("p.h5");
  EXPECT_EQ(in_process(folder_, command + " --dry-run").code, kExitDone);
  EXPECT_FALSE(fs::exists(path("p.h5")));
  const auto written = in_process(folder_, command);
  EXPECT_EQ(written.code, kExitDone);
  EXPECT_THAT(written.text, testing::AllOf(HasSubstr("left out: p.csv:3: it has 1 fields"),
                                           HasSubstr("3 prompts written, 2 of them distinct; bad lines left out: 1")));
  EXPECT_EQ(Store(path("p.h5")).kind(), "captions");
  EXPECT_THAT(Store(path("p.h5")).prompts(), testing::ElementsAre("a cat", "a dog", "a cat"));
  EXPECT_THAT(in_process(folder_, command + " --max-bad 0").text, HasSubstr("p.csv:3: it has 1 fields"));
}

TEST_F(Cli, WhatOthersHaveCachedBecomesAStoreAndWhoseItIsIsSaidToBeUnknown) {
  const std::string caches = FGM_SOURCE_DIR "/tests/golden/caches", out = " --out " + path("e.h5");
  const auto embeddings = "data embeddings --from " + caches + "/embeddings.pt" + out;
  EXPECT_THAT(in_process(folder_, embeddings + " --dry-run").text, HasSubstr("1 files to read"));
  EXPECT_THAT(in_process(folder_, embeddings + " --dry-run --like nowhere.h5").text, HasSubstr("nowhere.h5"));
  EXPECT_FALSE(fs::exists(path("e.h5")));
  const auto written = in_process(folder_, embeddings);
  EXPECT_EQ(written.code, kExitDone) << written.text;
  EXPECT_THAT(written.text, testing::AllOf(HasSubstr("2 records written, 0 files skipped"), HasSubstr("not known")));
  EXPECT_EQ(Store(path("e.h5")).kind(), "embeddings");
  const auto refused =
      in_process(folder_, "data latents --from " + caches +
                              "/latents.pt --vae " FGM_SOURCE_DIR "/tests/golden/sd3_text --max-bad 0" + out);
  EXPECT_EQ(refused.code, kExitConfig);
  EXPECT_THAT(refused.text, HasSubstr("its latents have 2 channels, those of the autoencoder"));
}

TEST_F(Cli, ScenesForTrainingAndHeldOutOnesAreNotDrawnIntoOneFile) {
  const std::string in_folder = "cd " + folder_.string() + " && " FGM_BINARY " data shapes --shapes.count 2 ";
  for (const std::string files : {"--out a.h5 --held-out a.h5", "--out a.h5 --held-out ./new/../a.h5"}) {
    const auto refused = shell(in_folder + files);
    EXPECT_EQ(refused.code, kExitConfig) << files;
    EXPECT_EQ(refused.text,
              "fgm: --out and --held-out both name a.h5, and one would overwrite the other; give two files\n");
  }
  EXPECT_FALSE(fs::exists(path("a.h5")));
}

TEST_F(Cli, OneRuleMakesTheFoldersOfAllOutputs) {
  EXPECT_EQ(in_process(folder_, "data shapes --shapes.count 2 --out " + path("new/one/a.h5")).code, kExitDone);
  EXPECT_TRUE(fs::exists(path("new/one/a.h5")));
}

TEST_F(Cli, InspectDescribesAStore) {
  write_store(path("s.h5"),
              {"images", {{"made_by", "a test"}}, {"a red square", "two dots"}, at::zeros({2, 6, 8, 3}, at::kByte)});
  EXPECT_THAT(in_process(folder_, "inspect " + path("s.h5")).text,
              testing::AllOf(HasSubstr("store of images"), HasSubstr("records: 2"), HasSubstr("6 x 8 x 3"),
                             HasSubstr("a red square"), HasSubstr("made_by")));
  const auto json = nlohmann::json::parse(in_process(folder_, "inspect --json " + path("s.h5")).text);
  EXPECT_EQ(json["kind"], "images");
  EXPECT_EQ(json["records"], 2);
  EXPECT_EQ(json["image_shape"], (std::vector<int64_t>{6, 8, 3}));
  EXPECT_EQ(json["prompts"], (std::vector<std::string>{"a red square", "two dots"}));
}

TEST_F(Cli, ANameThatIsNotUtf8IsFoundBeforeAnythingIsDone) {
  const std::string name = "caf\xE9";
  std::ofstream(path("latin.cfg")) << "[data]\nstore = " << name << ".h5\n";
  for (const std::string& arguments : {"train --run " + name, "distill --dry-run --teacher.weights " + name,
                                       "train --config " + path("latin.cfg"), "data pack --images x --out " + name}) {
    const auto refused = in_process(folder_, arguments);
    EXPECT_EQ(refused.code, kExitConfig) << refused.text;
    EXPECT_THAT(refused.text, HasSubstr("not UTF-8"));
    EXPECT_EQ(std::count(refused.text.begin(), refused.text.end(), '\n'), 1) << refused.text;
    EXPECT_TRUE(is_utf8(refused.text)) << "a name in a message is escaped";
  }
}

TEST_F(Cli, CharactersThatNobodySeesAreCountedAndNamedInOneLine) {
  fs::create_directories(folder_ / "images");
  for (const std::string name : {"a", "b"}) {
    write_png(folder_ / "images" / (name + ".png"), at::full({8, 8, 3}, 200, at::kByte));
    std::ofstream(folder_ / "images" / (name + ".txt")) << "a\u00A0hat\u200B";
  }
  const auto packed = in_process(
      folder_, "data pack --captions file --resolution 8 --images " + path("images") + " --out " + path("s.h5"));
  EXPECT_THAT(packed.text, HasSubstr("images: 4 characters look like a plain blank or like nothing"));
  EXPECT_THAT(packed.text, HasSubstr("the first is U+00A0 NO-BREAK SPACE in the caption of " + path("images/a.png")));
  EXPECT_EQ(std::count(packed.text.begin(), packed.text.end(), '\n'), 2) << packed.text;
}

TEST_F(Cli, AStoreWithAnotherNormalFormSaysSo) {
  write_store(path("s.h5"), {"captions", nlohmann::json::object(), {"caf\u00E9", "cafe\u0301", "cafe\u0301s"}, {}});
  EXPECT_THAT(in_process(folder_, "inspect " + path("s.h5")).text,
              testing::AllOf(HasSubstr("s.h5: 2 prompts are not in Unicode's normal form C"), HasSubstr("prompt 1")));
}

TEST_F(Cli, EvalReadsAStoreOfAnotherProgramWhoseProvenanceHasNoNumbers) {
  const auto images = at::randint(256, {64, 8, 8, 3}, at::kByte);
  const std::vector<std::string> prompts(64, "a red square");
  write_store(path("drawn.h5"), {"samples", {{"evaluations", "two"}, {"steps", nullptr}}, prompts, images});
  write_store(path("held.h5"), {"images", nlohmann::json::object(), prompts, images});
  const auto scored =
      in_process(folder_, "eval --json --run.threads 1 --eval.samples m=" + path("drawn.h5") + " --eval.reference " +
                              path("held.h5") + " --eval.report " + path("r.json"));
  EXPECT_THAT(scored.text, testing::Not(HasSubstr("json.exception")));
  EXPECT_EQ(scored.code, kExitDone) << scored.text;
}

TEST_F(Cli, PackRefusesBadFlagsNamingThem) {
  EXPECT_EQ(in_process(folder_, "data pack --images x").text, "fgm: 'fgm data pack' needs --out FILE\n");
  EXPECT_EQ(in_process(folder_, "data pack --images x --out y --resolution 3x").text,
            "fgm: --resolution = '3x' is not a whole number\n");
  EXPECT_EQ(in_process(folder_, "data pack --images x --out y --captions none").text,
            "fgm: --captions = 'none' is not one of file, folder, json, metadata\n");
}

TEST_F(Cli, APathThatTheSystemRefusesIsTheUsersToMend) {
  const auto refused = in_process(folder_, "data pack --out y.h5 --images " + std::string(5000, 'x'));
  EXPECT_EQ(refused.code, kExitConfig);
  EXPECT_THAT(refused.text, HasSubstr("File name too long"));
}

}  // namespace
}  // namespace fgm
