#include "launch/coordinator/checkpoint_coordinator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "core/base/error.h"
#include "core/config/fields.h"
#include "core/io/file.h"
#include "launch/checkpoint/checkpoints_folder.h"
#include "launch/coordinator/resume_rules.h"
#include "parallel/comm/self_communicator.h"
#include "tests/launch/coordinator/fake_job.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using testing::FakeJob;
using ::testing::HasSubstr;
using ::testing::Not;

class CoordinatorTest : public ::testing::Test {
 protected:
  FakeJob job(const FakeJob::Options& options = {}) { return {*self_, folder_.path(), config_, options}; }
  std::string error_of_restore(const std::string& resume, const FakeJob::Options& options = {}) {
    return message_of<Error>([&] { job(options).coordinator().restore(resume); });
  }
  fs::path step_folder(int64_t step) const { return checkpoints_ / step_folder_name(step); }
  void damage(int64_t step) const {
    std::ofstream(step_folder(step) / "student-00000-of-00001.safetensors", std::ios::app) << "x";
  }

  const TemporaryFolder folder_;
  const fs::path checkpoints_ = folder_ / "checkpoints";
  const std::unique_ptr<Communicator> self_ = make_self_communicator(at::kCPU);
  Config config_ = testing::smallest_config();
};

TEST_F(CoordinatorTest, ARunWithoutCheckpointsBeginsAnew) {
  EXPECT_FALSE(job().coordinator().restore("auto").has_value());
  EXPECT_FALSE(job().coordinator().restore("never").has_value());
}

TEST_F(CoordinatorTest, TheManifestTellsHowTheRunStands) {
  job({.threads = 3}).save(5);
  const Manifest m = Checkpoint::open(step_folder(5)).manifest();
  EXPECT_EQ(m.step, 5);
  EXPECT_EQ(m.phase, "distill");
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

TEST_F(CoordinatorTest, OnlyTheNewestStepsAreKeptAndZeroKeepsAll) {
  auto two = job({.keep = 2});
  for (const int64_t step : {1, 2, 10}) two.save(step);
  EXPECT_EQ(saved_steps(checkpoints_), (std::vector<int64_t>{2, 10}));
  auto all = job();
  for (const int64_t step : {11, 12, 13}) all.save(step);
  EXPECT_EQ(saved_steps(checkpoints_).size(), 5u);
}

TEST_F(CoordinatorTest, ADamagedStepIsNotOneOfThoseKeptAndIsSetAsideWhenANewOneIsThere) {
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

TEST_F(CoordinatorTest, SavingADamagedStepAgainSetsEachDamagedOneAside) {
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

TEST_F(CoordinatorTest, SavingAStepAgainReplacesIt) {
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

TEST_F(CoordinatorTest, ARestoredRunHoldsNoFileOfTheCheckpointThatItWillRemove) {
  job().save(1);
  auto resumed = job();
  ASSERT_EQ(resumed.coordinator().restore("auto")->step, 1);
  EXPECT_TRUE(resumed.holds(1));
  std::ifstream maps("/proc/self/maps");
  const std::string mapped(std::istreambuf_iterator<char>(maps), {});
  ASSERT_THAT(mapped, HasSubstr("libc.so")) << "it lists the files that are mapped";
  EXPECT_THAT(mapped, Not(HasSubstr(folder_.path().string())));
}

TEST_F(CoordinatorTest, WhatAKilledJobLeftIsIgnoredAndRemoved) {
  job().save(1);
  fs::create_directories(checkpoints_ / ".tmp-2-0123456789abcdef");
  std::ofstream(checkpoints_ / ".tmp-2-0123456789abcdef" / "student-00000-of-00001.safetensors") << "half";
  fs::copy(step_folder(1), checkpoints_ / ".old-step-00000001");
  EXPECT_EQ(saved_steps(checkpoints_), std::vector<int64_t>{1});
  EXPECT_EQ(job().coordinator().restore("auto")->step, 1);
  EXPECT_EQ(std::distance(fs::directory_iterator(checkpoints_), {}), 2) << "and OWNER";
}

TEST_F(CoordinatorTest, TheLatestStartOwnsTheRunAndAnEarlierOneLeavesItAlone) {
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

TEST_F(CoordinatorTest, ARefusedStartOfANewRunTakesNothingOver) {
  auto at_work = job();
  at_work.save(1);
  EXPECT_THAT(error_of_restore("never"), HasSubstr("already holds checkpoints"));
  at_work.save(2);
  EXPECT_EQ(saved_steps(checkpoints_), (std::vector<int64_t>{1, 2}));
}

TEST_F(CoordinatorTest, WhoseOwnerFileWasRemovedLeavesToo) {
  auto job_at_work = job();
  job_at_work.save(1);
  fs::remove(checkpoints_ / kOwnerFile);
  EXPECT_EQ(exit_code_from([&] { job_at_work.save(2); }), kExitDoNotRequeue);
}

TEST_F(CoordinatorTest, AFlipAnywhereInCommitOrTheManifestIsFound) {
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

TEST_F(CoordinatorTest, ACopyUnderAnotherStepsNameIsNeverChosenRemovedOrWrittenOver) {
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
  EXPECT_THAT(error_of_restore(step_folder(1)), HasSubstr("holds step 8; step-00000008 would be its name"));
}

TEST_F(CoordinatorTest, ALinkToWhatIsNotThereIsNamedAndTakenForNoEmptyRun) {
  job().save(1);
  fs::rename(step_folder(1), folder_ / "moved");
  fs::create_directory_symlink(folder_ / "moved", step_folder(1));
  EXPECT_EQ(job().coordinator().restore("auto")->step, 1);
  fs::rename(folder_ / "moved", folder_ / "elsewhere");
  EXPECT_THAT(error_of_restore("auto"), AllOf(HasSubstr("step-00000001 is a link to"), HasSubstr("not there")));
  fs::remove_all(checkpoints_);
  fs::create_directory_symlink(folder_ / "unmounted", checkpoints_);
  EXPECT_THAT(message_of<ConfigError>([&] { saved_steps(checkpoints_); }), HasSubstr("checkpoints is a link to"));
}

TEST_F(CoordinatorTest, WhenAllCheckpointsAreDamagedNothingBeginsAnewByItself) {
  job().save(1);
  damage(1);
  EXPECT_THAT(error_of_restore("auto"),
              AllOf(HasSubstr("none of the 1 checkpoints"), HasSubstr("student-00000-of-00001.safetensors has"),
                    HasSubstr("to begin anew")));
  EXPECT_TRUE(fs::exists(step_folder(1)));
}

TEST_F(CoordinatorTest, NeverRefusesARunThatHoldsCheckpoints) {
  job().save(7);
  EXPECT_THAT(error_of_restore("never"), AllOf(HasSubstr("already holds checkpoints"), HasSubstr("step 7")));
}

TEST_F(CoordinatorTest, APathIsAStepOrTheNewestOfARun) {
  const TemporaryFolder other;
  FakeJob writer(*self_, other.path(), config_, {});
  writer.save(1);
  writer.save(2);
  EXPECT_EQ(job().coordinator().restore(other.path())->step, 2);
  EXPECT_EQ(job().coordinator().restore(other / "checkpoints/")->step, 2);
  EXPECT_EQ(job().coordinator().restore(other / "checkpoints" / step_folder_name(1))->step, 1);
  EXPECT_THAT(error_of_restore(other / "nowhere"), HasSubstr("no checkpoint there"));
  fs::create_directories(other / "empty" / "checkpoints");
  EXPECT_THAT(error_of_restore(other / "empty"), HasSubstr("no checkpoint there"));
  EXPECT_THAT(error_of_restore(other.path().parent_path()), HasSubstr("no complete checkpoint there"));
}

TEST_F(CoordinatorTest, ThePathOfAnotherRunIsForTheFirstStartOnly) {
  const TemporaryFolder other;
  FakeJob writer(*self_, other.path(), config_, {});
  writer.save(1);
  writer.save(2);
  for (const fs::path& path : {other / "checkpoints" / step_folder_name(1), other / "checkpoints/step-00000001/"}) {
    auto first = job();
    ASSERT_EQ(first.coordinator().restore(path)->step, 1);
    first.save(3);
    first.save(4);
    auto requeued = job();
    ASSERT_EQ(requeued.coordinator().restore(path)->step, 4);
    EXPECT_TRUE(requeued.holds(4));
    damage(4);
    EXPECT_EQ(job().coordinator().restore(path)->step, 3);
    damage(3);
    EXPECT_EQ(job().coordinator().restore(path)->step, 1) << "it has none of its own that is complete";
    fs::remove_all(checkpoints_);
  }
}

TEST_F(CoordinatorTest, ThePathOfAnotherRunMayBeGoneWhenItIsNotNeeded) {
  job().save(3);
  EXPECT_EQ(job().coordinator().restore(folder_ / "nowhere")->step, 3);
}

TEST_F(CoordinatorTest, GoingBackIsRefusedWhileTheRunHoldsLaterSteps) {
  auto writer = job();
  writer.save(1);
  writer.save(2);
  EXPECT_THAT(error_of_restore(step_folder(1)), HasSubstr("is later than"));
  EXPECT_THAT(error_of_restore(step_folder(1) / ""), HasSubstr("is later than"));
  EXPECT_EQ(job().coordinator().restore(step_folder(2))->step, 2);
  EXPECT_EQ(job().coordinator().restore(folder_.path())->step, 2);
  fs::rename(step_folder(2), folder_ / "kept");
  EXPECT_EQ(job().coordinator().restore(step_folder(1))->step, 1);
}

TEST_F(CoordinatorTest, AnotherRunsCheckpointIsRefusedNamingEveryKey) {
  job().save(1);
  config_.run.seed = 2;
  config_.method.batch = 7;
  config_.method.student.ema = 0.5;
  config_.model.depth = 2;
  EXPECT_THAT(error_of_restore("auto", {.teacher_digest = std::string(32, '1')}),
              AllOf(HasSubstr("run.seed = 1 there and 2 here"), HasSubstr("method.batch = 64 there and 7 here"),
                    HasSubstr("student.ema = 0 there and 0.5 here"), HasSubstr("model.depth = 1 there and 2 here"),
                    HasSubstr("teacher.weights"), HasSubstr("--run")));
}

TEST_F(CoordinatorTest, ACheckpointOfAnotherCommandIsRefused) {
  job({.phase = "train"}).save(1);
  EXPECT_THAT(error_of_restore("auto"), HasSubstr("it is of `fgm train` and this is `fgm distill`"));
}

class ResumeRules : public ::testing::Test {
 protected:
  // Differences of `changed`, set in the config and nowhere else, from a distillation with default settings.
  static RunDifferences change(const std::string& key, const std::string& value) {
    Config config;
    const std::string before = to_ini(config);
    set(config, {key, value, ""});
    return compare_runs(manifest_of(before), manifest_of(to_ini(config)));
  }
  static Manifest manifest_of(const std::string& config) {
    Manifest manifest;
    manifest.phase = "distill";
    manifest.config = config;
    return manifest;
  }
};

TEST_F(ResumeRules, TellErrorsFromWarningsFromWhatIsOfNoConsequence) {
  for (const auto& [key, value] : std::map<std::string, std::string>{{"model.num_heads", "2"},
                                                                     {"text.num_tokens", "3"},
                                                                     {"run.seed", "5"},
                                                                     {"method.estimator_steps", "2"},
                                                                     {"student.beta1", "0"},
                                                                     {"estimator.ema", "0.9"}}) {
    const auto differences = change(key, value);
    EXPECT_EQ(differences.errors.size(), 1u) << key;
    EXPECT_TRUE(differences.warnings.empty()) << key;
  }
  for (const auto& [key, value] : std::map<std::string, std::string>{
           {"method.steps", "9000"}, {"student.lr", "1"}, {"student.beta1", "0.5"}, {"method.lambda_1", "1"}}) {
    const auto differences = change(key, value);
    EXPECT_TRUE(differences.errors.empty()) << key;
    EXPECT_EQ(differences.warnings.size(), 1u) << key;
  }
  for (const auto& [key, value] : std::map<std::string, std::string>{{"run.dir", "elsewhere"},
                                                                     {"data.store", "moved.h5"},
                                                                     {"mesh.shard", "2"},
                                                                     {"parallel.recompute", "true"},
                                                                     {"teacher.weights", "moved"},
                                                                     {"train.batch", "3"},
                                                                     {"eval.picture_rows", "3"},
                                                                     {"run.save_every", "3"}}) {
    const auto differences = change(key, value);
    EXPECT_TRUE(differences.errors.empty() && differences.warnings.empty()) << key;
  }
}

TEST_F(ResumeRules, MoreStepsOfACosineScheduleSayFromWhereToWhereTheRateJumps) {
  Config config;
  config.method.steps = 8;
  config.method.student.lr = 1e-3;
  config.method.student.schedule = Schedule::kCosine;
  Manifest saved = manifest_of(to_ini(config));
  saved.step = 8;
  EXPECT_TRUE(compare_runs(saved, saved).warnings.empty());
  config.method.steps = 16;
  const auto warnings = compare_runs(saved, manifest_of(to_ini(config))).warnings;
  ASSERT_EQ(warnings.size(), 2u) << "the estimator's rate is constant";
  // lr (1 + cos(pi 7 / 8)) / 2 and lr (1 + cos(pi / 2)) / 2
  EXPECT_EQ(warnings[1], "the learning rate goes from 3.81e-05 in step 8 to 0.0005 in step 9 (student.lr)");
}

TEST_F(ResumeRules, AStoreThatGrewIsAWarningThatSaysWhatBecomesOfTheEpoch) {
  Manifest saved = manifest_of(to_ini(Config())), now = saved;
  saved.data.size = 40;
  now.data.size = 50;
  const auto differences = compare_runs(saved, now);
  EXPECT_TRUE(differences.errors.empty());
  ASSERT_EQ(differences.warnings.size(), 1u);
  EXPECT_THAT(differences.warnings[0], AllOf(HasSubstr("with 40 records"), HasSubstr("twice or not at all")));
}

TEST_F(ResumeRules, OtherRanksOrThreadsAreANoteAndAKeyThatTheOlderConfigLacksHadItsDefault) {
  Manifest saved = manifest_of(""), now = manifest_of(to_ini(Config()));
  EXPECT_TRUE(compare_runs(saved, now).warnings.empty());
  EXPECT_TRUE(compare_runs(saved, now).notes.empty());
  now.world = 2;
  EXPECT_EQ(compare_runs(saved, now).notes.size(), 1u);
}

}  // namespace
}  // namespace fgm
