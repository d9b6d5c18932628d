#include "launch/coordinator/resume.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "core/base/error.h"
#include "tests/launch/coordinator/coordinator_test.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;
using support::FakeJob;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using Resuming = support::CoordinatorTest;

TEST_F(Resuming, ARunWithoutCheckpointsStartsOver) {
  EXPECT_FALSE(job().coordinator().restore("auto").has_value());
  EXPECT_FALSE(job().coordinator().restore("never").has_value());
}

TEST_F(Resuming, ARestoredRunHoldsNoFileOfTheCheckpointThatItWillRemove) {
  job().save(1);
  auto resumed = job();
  ASSERT_EQ(resumed.coordinator().restore("auto")->step, 1);
  EXPECT_TRUE(resumed.holds(1));
  std::ifstream maps("/proc/self/maps");
  const std::string mapped(std::istreambuf_iterator<char>(maps), {});
  ASSERT_THAT(mapped, HasSubstr("libc.so")) << "it lists the files that are mapped";
  EXPECT_THAT(mapped, Not(HasSubstr(folder_.path().string())));
}

TEST_F(Resuming, ARefusedStartOfANewRunTakesNothingOver) {
  auto at_work = job();
  at_work.save(1);
  EXPECT_THAT(error_of_restore("never"), HasSubstr("already holds checkpoints"));
  at_work.save(2);
  EXPECT_EQ(saved_steps(checkpoints_), (std::vector<int64_t>{1, 2}));
}

TEST_F(Resuming, ALinkToWhatIsNotThereIsNamedAndTakenForNoEmptyRun) {
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

TEST_F(Resuming, WhenAllCheckpointsAreDamagedNothingStartsOverByItself) {
  job().save(1);
  damage(1);
  EXPECT_THAT(error_of_restore("auto"),
              AllOf(HasSubstr("none of the 1 checkpoints"), HasSubstr("student-00000-of-00001.safetensors has"),
                    HasSubstr("to start over")));
  EXPECT_TRUE(fs::exists(step_folder(1)));
}

TEST_F(Resuming, NeverRefusesARunThatHoldsCheckpoints) {
  job().save(7);
  EXPECT_THAT(error_of_restore("never"), AllOf(HasSubstr("already holds checkpoints"), HasSubstr("step 7")));
}

TEST_F(Resuming, APathIsAStepOrTheNewestOfARun) {
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

TEST_F(Resuming, ThePathOfAnotherRunIsForTheFirstStartOnly) {
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

TEST_F(Resuming, ThePathOfAnotherRunMayBeGoneWhenItIsNotNeeded) {
  job().save(3);
  EXPECT_EQ(job().coordinator().restore(folder_ / "nowhere")->step, 3);
}

TEST_F(Resuming, GoingBackIsRefusedWhileTheRunHoldsLaterSteps) {
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

TEST_F(Resuming, AnotherRunsCheckpointIsRefusedNamingEveryKey) {
  job().save(1);
  config_.run.seed = 2;
  config_.method.batch = 7;
  config_.method.student.ema = {0.5};
  config_.model.mmdit.depth = 2;
  EXPECT_THAT(error_of_restore("auto", {.teacher_digest = std::string(32, '1')}),
              AllOf(HasSubstr("run.seed: the checkpoint has 1, this run 2"),
                    HasSubstr("method.batch: the checkpoint has 64, this run 7"),
                    HasSubstr("student.ema: the checkpoint has 0, this run 0.5"),
                    HasSubstr("model.depth: the checkpoint has 1, this run 2"), HasSubstr("teacher.weights"),
                    HasSubstr("--run")));
}

TEST_F(Resuming, ACheckpointOfAnotherCommandIsRefused) {
  job({.command = "train"}).save(1);
  EXPECT_THAT(error_of_restore("auto"), HasSubstr("the checkpoint is of `fgm train`, this run of `fgm distill`"));
}

}  // namespace
}  // namespace fgm
