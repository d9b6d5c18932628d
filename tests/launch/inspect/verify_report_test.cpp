#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "launch/inspect/reports.h"
#include "tests/launch/checkpoint/checkpoint_fixture.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class VerifyReport : public CheckpointTest {};

TEST_F(VerifyReport, HasALineForEachFileOfAWholeCheckpoint) {
  const auto report = report_verification(save(200, 2));
  EXPECT_TRUE(report.is_well);
  EXPECT_EQ(report.json["ok"], true);
  const Json& checkpoint = report.json["checkpoints"][0];
  EXPECT_EQ(checkpoint["files"].size(), 8);
  EXPECT_THAT(report.text, HasSubstr("  ok     COMMIT\n"));
  EXPECT_THAT(report.text, HasSubstr("  ok     student_optim-00001-of-00002.safetensors\n"));
}

TEST_F(VerifyReport, FindsOneFlippedByteInAnyFileAndBlamesNoOther) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(save(200, 2))) names.push_back(entry.path().filename().string());
  ASSERT_EQ(names.size(), 8);
  for (const auto& name : names) {
    const auto folder = save(200, 2);
    flip_last_byte(folder / name);
    const auto report = report_verification(folder);
    EXPECT_FALSE(report.is_well) << name;
    for (const auto& file : report.json["checkpoints"][0]["files"]) {
      // COMMIT vouches for manifest.json: it is what no longer fits when a byte of the other is changed.
      const bool may_be_blamed = file["name"] == name || (name == kManifestFile && file["name"] == kCommitFile);
      EXPECT_TRUE(may_be_blamed || file["ok"].get<bool>()) << file;
    }
  }
}

TEST_F(VerifyReport, OfARunNamesTheDamagedCheckpointAndLeavesOutTheUnfinished) {
  save(100, 1);
  save(200, 2);
  fs::create_directories(folder_ / "checkpoints/.tmp-300-0123456789abcdef");
  flip_last_byte(step_folder(100) / "student-00000-of-00001.safetensors");
  const auto report = report_verification(folder_);
  EXPECT_FALSE(report.is_well);
  ASSERT_EQ(report.json["checkpoints"].size(), 2);
  EXPECT_EQ(report.json["checkpoints"][0]["ok"], false);
  EXPECT_EQ(report.json["checkpoints"][1]["ok"], true);
  EXPECT_THAT(report.text, HasSubstr("1 of 2 ok"));
}

TEST_F(VerifyReport, OfALoneFileChecksItsHeaderAgainstItsSize) {
  const auto path = folder_ / "w.safetensors";
  write_safetensors(path, {{"w", at::ones({64})}});
  EXPECT_TRUE(report_verification(path).is_well);
  cut_in_half(path);
  EXPECT_FALSE(report_verification(path).is_well);
}

}  // namespace
}  // namespace fgm
