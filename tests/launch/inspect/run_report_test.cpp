#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "launch/inspect/reports.h"
#include "launch/inspect/target.h"
#include "tests/launch/checkpoint/checkpoint_fixture.h"
#include "tests/support/errors.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class RunReport : public CheckpointTest {};

TEST_F(RunReport, ListsCheckpointsByStepAndShowsTheNewestCompleteOne) {
  save(300, 2);
  save(100, 1);
  save(200, 4);
  cut_in_half(step_folder(300) / "student-00000-of-00002.safetensors");
  fs::create_directories(folder_ / "checkpoints/.tmp-400-0123456789abcdef");
  const auto report = report_run(folder_);
  EXPECT_FALSE(report.is_well);
  const Json& rows = report.json["checkpoints"];
  ASSERT_EQ(rows.size(), 4);
  EXPECT_EQ(rows[1]["name"], "step-00000200");
  EXPECT_EQ(rows[1]["world"], 4);
  EXPECT_EQ(rows[1]["status"], "complete");
  EXPECT_THAT(rows[1]["time"].get<std::string>(), ::testing::MatchesRegex("20..-..-..T..:..:..Z"));
  EXPECT_EQ(rows[2]["status"], "damaged");
  EXPECT_THAT(rows[2]["problem"], HasSubstr("student-00000-of-00002.safetensors has"));
  EXPECT_EQ(rows[3]["status"], "leftover");
  EXPECT_EQ(report.json["newest"]["path"], step_folder(200).string());
  EXPECT_EQ(report.json["newest"]["state"]["step"], 200);
  EXPECT_EQ(report.json["newest"]["roles"][0]["values"], 27);
  EXPECT_THAT(report.text, HasSubstr("newest complete: " + step_folder(200).string()));
}

TEST_F(RunReport, WhatAKilledJobLeftIsNoDamage) {
  save(100, 1);
  fs::rename(save(200, 1), folder_ / "checkpoints/.tmp-200-0123456789abcdef");
  const auto report = report_run(folder_);
  EXPECT_TRUE(report.is_well);
  EXPECT_EQ(report.json["newest"]["state"]["step"], 100);
  EXPECT_EQ(report.json["done"], false);
  std::ofstream(folder_ / "DONE");
  EXPECT_EQ(report_run(folder_).json["done"], true);
}

TEST_F(RunReport, WhatARestartSetAsideIsListedAndIsNoDamage) {
  save(100, 1);
  const auto aside = folder_ / "checkpoints/damaged-step-00000200";
  fs::rename(save(200, 1), aside);
  cut_in_half(aside / "student-00000-of-00001.safetensors");
  EXPECT_EQ(kind_of(aside), PathKind::kStepFolder);
  const auto report = report_run(folder_);
  EXPECT_TRUE(report.is_well);
  ASSERT_EQ(report.json["checkpoints"].size(), 2);
  EXPECT_EQ(report.json["checkpoints"][1]["name"], "damaged-step-00000200");
  EXPECT_EQ(report.json["checkpoints"][1]["status"], "leftover");
  EXPECT_EQ(report.json["newest"]["state"]["step"], 100);
}

TEST_F(RunReport, ACopyUnderAnotherStepsNameIsMisnamedAndNotTheNewest) {
  const auto step = save(100, 1);
  for (const char* name : {"step-00000200", "step-300"}) {
    fs::copy(step, folder_ / "checkpoints" / name, fs::copy_options::recursive);
  }
  const auto report = report_run(folder_);
  EXPECT_FALSE(report.is_well);
  for (const size_t row : {1, 2}) EXPECT_EQ(report.json["checkpoints"][row]["status"], "misnamed");
  EXPECT_EQ(report.json["newest"]["path"], step_folder(100).string());
  EXPECT_THAT(report.text,
              HasSubstr("step-00000200: manifest.json holds step 100, whose folder is named step-00000100"));
  const auto verified = report_verification(folder_);
  EXPECT_THAT(verified.text, HasSubstr("WRONG  manifest.json holds step 100, whose folder is named step-00000100"));
  EXPECT_THAT(verified.text, HasSubstr("1 of 3 ok"));
  EXPECT_FALSE(report_verification(folder_ / "checkpoints/step-00000200/").is_well);
}

TEST_F(RunReport, ARunWithoutCheckpointsHasNoNewest) {
  fs::create_directories(folder_ / "checkpoints");
  const auto report = report_run(folder_);
  EXPECT_TRUE(report.is_well);
  EXPECT_TRUE(report.json["newest"].is_null());
}

TEST_F(RunReport, APathIsTakenForWhatLiesThere) {
  const auto step = save(100, 1);
  EXPECT_EQ(kind_of(folder_), PathKind::kRunFolder);
  EXPECT_EQ(kind_of(folder_ / "checkpoints"), PathKind::kRunFolder);
  EXPECT_EQ(kind_of(step), PathKind::kStepFolder);
  EXPECT_EQ(kind_of(step / ""), PathKind::kStepFolder);
  EXPECT_EQ(kind_of(step / "student-00000-of-00001.safetensors"), PathKind::kTensorFile);
  fs::create_directories(folder_ / "checkpoints/.tmp-5-0123456789abcdef");
  EXPECT_EQ(kind_of(folder_ / "checkpoints/.tmp-5-0123456789abcdef/"), PathKind::kStepFolder);
  fs::create_directories(folder_ / "elsewhere");
  EXPECT_THAT(message_of<IoError>([&] { kind_of(folder_ / "elsewhere"); }), HasSubstr("holds no checkpoint"));
}

}  // namespace
}  // namespace fgm
