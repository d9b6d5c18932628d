// Stopping a job of several ranks and going on with it, through the built program and mpirun.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/small_job.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using Resume = SmallJob;

int64_t newest_step(const fs::path& run) {
  int64_t newest = 0;
  for (const auto& entry : fs::directory_iterator(run / "checkpoints")) {
    const std::string name = entry.path().filename().string();
    if (name == "OWNER") continue;
    EXPECT_TRUE(name.starts_with("step-")) << name << " was left behind";
    newest = std::max<int64_t>(newest, std::stoll(name.substr(5)));
  }
  return newest;
}

constexpr std::array kStopSignals = {SIGTERM, SIGINT, SIGUSR1, SIGUSR2};
constexpr int kSteps = 70;
constexpr std::array kAllSignals = {SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGHUP, SIGXCPU};

TEST_F(Resume, EachSignalOnOneRankStopsAllAtTheSameStepAndTheRunGoesOnBitForBit) {
  // More steps than the signals take, of which each lets a few pass; saves only where the signal says so.
  const std::string arguments = distill_arguments(fmt::format("--steps {} --run.save_every 0", kSteps));
  const auto whole = place("whole");
  ASSERT_EQ(run(2, whole, arguments).code, kExitDone);

  const auto here = place("stopped");
  size_t steps_before = 0;
  for (const int signal : kAllSignals) {
    RankJob job(2, here, arguments);
    ASSERT_TRUE(job.wait_until([&] { return num_steps_done(here / "run") > steps_before; })) << job.wait().text;
    ASSERT_TRUE(job.signal(1, signal));
    const auto stopped = job.wait();
    EXPECT_EQ(stopped.code, kExitRequeue) << stopped.text;
    EXPECT_THAT(stopped.text, HasSubstr(fmt::format("SIG{} came", sigabbrev_np(signal))));
    steps_before = num_steps_done(here / "run");
    ASSERT_LT(steps_before, size_t{kSteps}) << "too late to be stopped";
    EXPECT_EQ(newest_step(here / "run"), steps_before);
    EXPECT_EQ(tensors_of_step(here / "run", static_cast<int64_t>(steps_before)).size(), 12u);
    EXPECT_FALSE(fs::exists(here / "run/DONE"));
  }

  const auto resumed = run(2, here, arguments);
  ASSERT_EQ(resumed.code, kExitDone) << resumed.text;
  EXPECT_EQ(numbers(here / "run"), numbers(whole / "run"));
  EXPECT_TRUE(tensors_of_step(here / "run", kSteps) == tensors_of_step(whole / "run", kSteps));
}

TEST_F(Resume, ASecondSignalLeavesAtOnce) {
  for (const int second : kStopSignals) {
    const auto here = place(fmt::format("twice_{}", second));
    RankJob job(2, here, distill_arguments("--steps 1000000"));
    ASSERT_TRUE(job.wait_until([&] { return num_steps_done(here / "run") > 1; })) << job.wait().text;
    // Stopped, the rank finds both at once when it goes on: there is no time for it to save in between.
    ASSERT_TRUE(job.signal(1, SIGSTOP));
    ASSERT_TRUE(job.signal(1, second == SIGTERM ? SIGINT : SIGTERM));
    ASSERT_TRUE(job.signal(1, second));
    ASSERT_TRUE(job.signal(1, SIGCONT));
    const auto left = job.wait();
    EXPECT_EQ(left.code, kExitSecondInterrupt) << left.text;
    EXPECT_EQ(newest_step(here / "run"), 0);
  }
}

TEST_F(Resume, AnotherNumberOfRanksGoesOnUpToRounding) {
  const auto here = place("other_world");
  ASSERT_EQ(run(2, here, distill_arguments("--steps 6 --run.save_every 3")).code, kExitDone);
  const auto expected = numbers(here / "run");
  ASSERT_EQ(expected.size(), 6u);
  for (const int ranks : {1, 3, 4}) {
    const auto other = place(fmt::format("other_world_{}", ranks));
    fs::copy(here / "run", other / "run", fs::copy_options::recursive);
    fs::remove_all(other / "run/checkpoints/step-00000006");
    const auto resumed = run(ranks, other, distill_arguments("--steps 6 --run.save_every 3"));
    ASSERT_EQ(resumed.code, kExitDone) << resumed.text;
    const auto seen = numbers(other / "run");
    ASSERT_EQ(seen.size(), 6u);
    ASSERT_TRUE(std::equal(seen.begin(), seen.begin() + 3, expected.begin())) << "the steps before were done again";
    for (size_t step = 3; step < 6; ++step) {
      for (const char* key : {"loss.student", "loss.estimator"}) {
        // Float32 rounding in another order, as in a run that had this many ranks all along.
        const double loss = expected[step].at(key);
        EXPECT_NEAR(seen[step].at(key), loss, 1e-4 * std::abs(loss)) << ranks << " ranks, step " << step + 1;
      }
    }
  }
}

TEST_F(Resume, AFinishedRunSaysSoAndMoreStepsGoOn) {
  const auto here = place("finished");
  ASSERT_EQ(run(2, here, train_arguments("--steps 2")).code, kExitDone);
  const auto before = metrics(here / "run");
  ASSERT_TRUE(fs::remove(here / "run/DONE"));  // as distill.sbatch does
  const auto again = run(2, here, train_arguments("--steps 2"));
  EXPECT_EQ(again.code, kExitDone) << again.text;
  EXPECT_THAT(again.text, HasSubstr("all 2 steps are done"));
  EXPECT_EQ(metrics(here / "run"), before);
  EXPECT_TRUE(fs::exists(here / "run/DONE"));

  const auto fewer = run(2, here, train_arguments("--steps 1"));
  EXPECT_EQ(fewer.code, kExitConfig);
  EXPECT_THAT(fewer.text, HasSubstr("is at step 2 already"));

  const auto more = run(2, here, train_arguments("--steps 4"));
  EXPECT_EQ(more.code, kExitDone) << more.text;
  EXPECT_EQ(metrics(here / "run").size(), 4u);
  EXPECT_EQ(metrics(here / "run")[1], before[1]) << "the steps before were done again";
}

TEST_F(Resume, NeverRefusesARunThatHasCheckpointsAndAPathStartsFromIt) {
  const auto here = place("never");
  ASSERT_EQ(run(1, here, train_arguments("--steps 4 --run.save_every 2")).code, kExitDone);
  const auto refused = run(1, here, train_arguments("--steps 4 --resume never"));
  EXPECT_EQ(refused.code, kExitConfig);
  EXPECT_THAT(refused.text, HasSubstr("already holds"));

  const auto branch = place("branch");
  const auto from =
      run(1, branch, train_arguments("--steps 4 --resume " + (here / "run/checkpoints/step-00000002").string()));
  ASSERT_EQ(from.code, kExitDone) << from.text;
  const auto seen = numbers(branch / "run"), expected = numbers(here / "run");
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ(seen[0], expected[2]);
  EXPECT_EQ(seen[1], expected[3]);

  const auto arguments = train_arguments("--steps 5 --resume " + (here / "run/checkpoints/step-00000002").string());
  const auto requeued = run(1, branch, arguments);
  EXPECT_EQ(requeued.code, kExitDone) << requeued.text;
  EXPECT_EQ(numbers(branch / "run").size(), 3u) << "step 5 alone was still to be made";
  const auto finished = run(1, branch, arguments);
  EXPECT_EQ(finished.code, kExitDone) << finished.text;
  EXPECT_THAT(finished.text, HasSubstr("all 5 steps are done"));
}

TEST_F(Resume, ASecondJobOnARunTakesItOverAndTheFirstLeaves) {
  const auto here = place("twice");
  const std::string arguments = train_arguments("--steps 1000000 --run.save_every 1");
  RankJob first(1, here, arguments);
  ASSERT_TRUE(first.wait_until([&] { return num_steps_done(here / "run") > 2; })) << first.wait().text;
  RankJob second(1, here, arguments);
  const auto left = first.wait();
  EXPECT_EQ(left.code, kExitDoNotRequeue) << left.text;
  EXPECT_THAT(left.text, HasSubstr("a later start has taken this run over"));
  const size_t steps_then = num_steps_done(here / "run");
  ASSERT_TRUE(second.wait_until([&] { return num_steps_done(here / "run") > steps_then + 2; })) << second.wait().text;
  ASSERT_TRUE(second.signal(0, SIGTERM));
  const auto stopped = second.wait();
  EXPECT_EQ(stopped.code, kExitRequeue) << stopped.text;
  EXPECT_EQ(newest_step(here / "run"), num_steps_done(here / "run"));
}

TEST_F(Resume, AnotherTeacherIsRefused) {
  const auto here = place("teacher_changed");
  ASSERT_EQ(run(1, here, distill_arguments("--steps 1")).code, kExitDone);
  const auto other = place("other_teacher");
  ASSERT_EQ(run(1, other, train_arguments("--steps 1 --seed 5")).code, kExitDone);
  const auto refused = run(1, here, distill_arguments("--steps 2 --teacher.weights " + (other / "run").string()));
  EXPECT_EQ(refused.code, kExitConfig) << refused.text;
  EXPECT_THAT(refused.text, HasSubstr("teacher"));
}

}  // namespace
}  // namespace fgm
