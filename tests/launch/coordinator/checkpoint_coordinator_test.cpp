#include "launch/coordinator/checkpoint_coordinator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "core/base/error.h"
#include "core/io/file.h"
#include "tests/launch/coordinator/coordinator_test.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using Saving = support::CoordinatorTest;

TEST_F(Saving, TheManifestTellsHowTheRunStands) {
  job({.threads = 3}).save(5);
  const Manifest m = Checkpoint::open(step_folder(5)).manifest();
  EXPECT_EQ(m.step, 5);
  EXPECT_EQ(m.command, "distill");
  EXPECT_EQ(m.threads, 3);
  EXPECT_EQ(m.restart, 0);
  EXPECT_EQ(m.data.position, 120);
  EXPECT_EQ(m.data.epoch, 1);
  EXPECT_EQ(m.updates, (std::map<std::string, int64_t>{{"student", 5}, {"estimator", 1005}}));
  auto resumed = job({.threads = 3});
  resumed.coordinator().restore("auto");
  resumed.save(6);
  EXPECT_EQ(Checkpoint::open(step_folder(6)).manifest().restart, 1);
}

TEST_F(Saving, OnlyTheNewestStepsAreKeptAndZeroKeepsAll) {
  auto two = job({.keep = 2});
  for (const int64_t step : {1, 2, 10}) two.save(step);
  EXPECT_EQ(saved_steps(checkpoints_), (std::vector<int64_t>{2, 10}));
  auto all = job();
  for (const int64_t step : {11, 12, 13}) all.save(step);
  EXPECT_EQ(saved_steps(checkpoints_).size(), 5u);
}

TEST_F(Saving, ADamagedStepIsNotOneOfThoseKeptAndIsSetAsideWhenANewOneIsThere) {
  auto first = job({.keep = 2});
  for (const int64_t step : {1, 2, 3}) first.save(step);
  damage(3);
  auto resumed = job({.keep = 2});
  ASSERT_EQ(resumed.coordinator().restore("auto")->step, 2);
  EXPECT_TRUE(fs::exists(step_folder(3))) << "the next start may find it whole";
  resumed.save(4);
  EXPECT_EQ(saved_steps(checkpoints_), (std::vector<int64_t>{2, 4}));
  EXPECT_TRUE(fs::exists(checkpoints_ / "damaged-step-00000003/student-00000-of-00001.safetensors"));
  resumed.save(5);
  EXPECT_EQ(job().coordinator().restore("auto")->step, 5);
  EXPECT_TRUE(fs::exists(checkpoints_ / "damaged-step-00000003")) << "it is the user's to remove";
}

TEST_F(Saving, SavingADamagedStepAgainSetsEachDamagedOneAside) {
  job().save(1);
  for (const char* aside : {"damaged-step-00000002", "damaged-step-00000002-2"}) {
    job().save(2);
    damage(2);
    auto resumed = job();
    ASSERT_EQ(resumed.coordinator().restore("auto")->step, 1);
    resumed.save(2);
    EXPECT_TRUE(fs::exists(checkpoints_ / aside));
    Checkpoint::open(step_folder(2)).verify();
  }
}

TEST_F(Saving, SavingAStepAgainReplacesIt) {
  auto first = job({.keep = 1});
  first.save(3);
  damage(3);
  first.save(3);
  first.fill(9);
  ASSERT_EQ(first.coordinator().restore("auto")->step, 3);
  EXPECT_TRUE(first.holds(3));
  const std::string nonce = Checkpoint::open(step_folder(3)).manifest().nonce;
  first.save(3);
  EXPECT_NE(Checkpoint::open(step_folder(3)).manifest().nonce, nonce);
}

TEST_F(Saving, WhatAKilledJobLeftIsIgnoredAndRemoved) {
  job().save(1);
  fs::create_directories(checkpoints_ / ".tmp-2-0123456789abcdef");
  std::ofstream(checkpoints_ / ".tmp-2-0123456789abcdef" / "student-00000-of-00001.safetensors") << "half";
  fs::copy(step_folder(1), checkpoints_ / ".old-step-00000001");
  EXPECT_EQ(saved_steps(checkpoints_), std::vector<int64_t>{1});
  EXPECT_EQ(job().coordinator().restore("auto")->step, 1);
  EXPECT_EQ(std::distance(fs::directory_iterator(checkpoints_), {}), 2) << "and OWNER";
}

TEST_F(Saving, TheLatestStartOwnsTheRunAndAnEarlierOneLeavesItAlone) {
  auto earlier = job({.keep = 1});
  earlier.save(1);
  auto later = job({.keep = 1});
  ASSERT_EQ(later.coordinator().restore("auto")->step, 1);
  const fs::path being_written = checkpoints_ / ".tmp-2-0123456789abcdef";
  fs::create_directories(being_written);
  const std::string owner = read_file(checkpoints_ / kOwnerFile);
  EXPECT_THAT(owner, HasSubstr(fmt::format("\"pid\":{}", getpid())));

  const auto message = message_of<Error>([&] { earlier.save(2); });
  EXPECT_THAT(message,
              AllOf(HasSubstr("a later start has taken this run over"), HasSubstr(owner.substr(0, owner.size() - 1))));
  EXPECT_EQ(exit_code_from([&] { earlier.save(2); }), kExitDoNotRequeue);
  EXPECT_EQ(saved_steps(checkpoints_), std::vector<int64_t>{1});
  EXPECT_TRUE(fs::exists(being_written));
  EXPECT_EQ(std::distance(fs::directory_iterator(checkpoints_), {}), 3) << "step 1, OWNER and what was there";
  later.save(2);
  EXPECT_EQ(saved_steps(checkpoints_), std::vector<int64_t>{2});
}

TEST_F(Saving, AJobWhoseOwnerFileWasRemovedLeavesToo) {
  auto job_at_work = job();
  job_at_work.save(1);
  fs::remove(checkpoints_ / kOwnerFile);
  EXPECT_EQ(exit_code_from([&] { job_at_work.save(2); }), kExitDoNotRequeue);
}

TEST_F(Saving, AFlipAnywhereInCommitOrTheManifestIsFound) {
  job().save(1);
  for (const char* name : {kCommitFile, kManifestFile}) {
    const std::string whole = read_file(step_folder(1) / name);
    ASSERT_GT(whole.size(), 80u);
    const size_t stride = name == kCommitFile ? 1 : 101;  // the manifest is long
    for (size_t i = 0; i < whole.size(); i += stride) {
      std::string flipped = whole;
      flipped[i] = static_cast<char>(flipped[i] ^ 4);
      std::ofstream(step_folder(1) / name, std::ios::binary) << flipped;
      EXPECT_THROW(Checkpoint::open(step_folder(1)), DamageError) << name << " byte " << i;
    }
    std::ofstream(step_folder(1) / name, std::ios::binary) << whole;
  }
  Checkpoint::open(step_folder(1)).verify();
}

TEST_F(Saving, ACopyUnderAnotherStepsNameIsNeverChosenRemovedOrWrittenOver) {
  job().save(8);
  for (const char* name : {"step-00000001", "step-00000099", "step-8"}) {
    fs::copy(step_folder(8), checkpoints_ / name, fs::copy_options::recursive);
  }
  std::ofstream(checkpoints_ / "step-00000050") << "no folder";
  EXPECT_EQ(list_steps(checkpoints_).strays,
            (std::vector<std::string>{"step-00000001", "step-00000050", "step-00000099", "step-8"}));
  auto resumed = job({.keep = 1});
  ASSERT_EQ(resumed.coordinator().restore("auto")->step, 8);
  resumed.save(20);
  auto again = job({.keep = 1});
  ASSERT_EQ(again.coordinator().restore("auto")->step, 20);
  EXPECT_EQ(list_steps(checkpoints_).strays.size(), 4u) << "all but the newest are removed, and these are no steps";

  again.save(99);
  EXPECT_EQ(job().coordinator().restore("auto")->step, 99);
  EXPECT_EQ(Checkpoint::open(checkpoints_ / "misnamed-step-00000099").manifest().step, 8);
  EXPECT_THAT(error_of_restore(step_folder(1)), HasSubstr("holds step 8, whose folder is named step-00000008"));
}

TEST_F(Saving, FinishLeavesNothingToBeDoneAndChangesNothing) {
  auto saved = job();
  saved.save(1);
  const std::string manifest = read_file(step_folder(1) / kManifestFile);
  saved.coordinator().finish();
  EXPECT_EQ(read_file(step_folder(1) / kManifestFile), manifest);
  EXPECT_EQ(std::distance(fs::directory_iterator(checkpoints_), {}), 2) << "the step's folder and OWNER";
}

}  // namespace
}  // namespace fgm
