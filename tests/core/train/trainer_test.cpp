#include "core/train/trainer.h"

#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/train/finite_guard.h"
#include "core/train/lr_schedule.h"
#include "tests/support/synthetic_source.h"

namespace fgm {
namespace {

struct CountingStep : Step {
  StepReport run(int64_t step, BatchSource& source) override {
    steps.push_back(step);
    first_samples.push_back(source.next().first_sample);
    source.next();
    return {.command = "count", .images = 4, .is_finite = is_finite(step), .values = {}};
  }
  int64_t batches_per_step() const override { return 2; }
  std::function<bool(int64_t)> is_finite = [](int64_t) { return true; };
  std::vector<int64_t> steps, first_samples;
};

struct CountingCheckpointer : Checkpointer {
  void save(int64_t step) override { saved.push_back(step); }
  void finish() override { saved_at_finish.push_back(std::ssize(saved)); }
  std::vector<int64_t> saved;
  std::vector<int64_t> saved_at_finish;  // for each call of finish(), how many states save() had been given
};

struct CountingObserver : StepObserver {
  void on_step(int64_t step, int64_t, double, const StepReport& report) override {
    seen.push_back(step);
    if (report.values.contains("score.overall")) scored.push_back(step);
  }
  void on_end(int64_t step) override { end = step; }
  std::vector<int64_t> seen, scored;
  int64_t end = -1;
};

struct TrainerTest : ::testing::Test {
  CountingStep step;
  CountingCheckpointer checkpointer;
  CountingObserver observer;
  support::SyntheticSource source{2, {1, 1, 1}, 1};
  bool is_stop_requested = false;

  Outcome run(const TrainerOptions& options, int64_t first_step = 0) {
    Trainer trainer(
        step, source, checkpointer, {&observer}, [&] { return is_stop_requested; }, options);
    return trainer.run(first_step);
  }
};

TEST_F(TrainerTest, SavesEveryNStepsAndOnceMoreAtTheEnd) {
  EXPECT_EQ(run({.num_steps = 5, .save_every = 2}), Outcome::kFinished);
  EXPECT_EQ(checkpointer.saved, (std::vector<int64_t>{2, 4, 5}));
  EXPECT_EQ(observer.seen, (std::vector<int64_t>{1, 2, 3, 4, 5}));
  EXPECT_EQ(observer.end, 5);
}

TEST_F(TrainerTest, ReportsScoresOfEveryNthStepAlone) {
  int64_t num_scored = 0;
  run({.num_steps = 5, .score_every = 2, .scores = [&] {
         ++num_scored;
         return std::map<std::string, double>{{"score.overall", 0.5}};
       }});
  EXPECT_EQ(num_scored, 2);
  EXPECT_EQ(observer.scored, (std::vector<int64_t>{2, 4}));
}

TEST_F(TrainerTest, DoesNotSaveTheLastStepTwice) {
  run({.num_steps = 4, .save_every = 2});
  EXPECT_EQ(checkpointer.saved, (std::vector<int64_t>{2, 4}));
}

TEST_F(TrainerTest, StopsAfterTheStepInWhichItWasAskedAndSaves) {
  is_stop_requested = true;
  EXPECT_EQ(run({.num_steps = 5, .save_every = 0}), Outcome::kStopped);
  EXPECT_EQ(checkpointer.saved, (std::vector<int64_t>{1}));
}

TEST_F(TrainerTest, FinishesTheLastCheckpointOnceBeforeItReturnsWhetherFinishedOrStopped) {
  run({.num_steps = 4, .save_every = 2});
  EXPECT_EQ(checkpointer.saved_at_finish, std::vector<int64_t>{2});
  is_stop_requested = true;
  run({.num_steps = 4, .save_every = 0});
  EXPECT_EQ(checkpointer.saved_at_finish, (std::vector<int64_t>{2, 3}));
}

TEST_F(TrainerTest, StartingLaterReadsTheBatchesThatTheWholeRunWouldHaveRead) {
  run({.num_steps = 5, .save_every = 0}, 3);
  EXPECT_EQ(step.steps, (std::vector<int64_t>{3, 4}));
  EXPECT_EQ(step.first_samples, (std::vector<int64_t>{12, 16}));  // step 3 begins at batch 6, 2 samples a batch
}

TEST_F(TrainerTest, OutlivesAStrayNonFiniteStepAndEndsOnARowOfThem) {
  step.is_finite = [](int64_t s) { return s % 2 == 0; };
  EXPECT_EQ(run({.num_steps = 9, .save_every = 0, .max_non_finite_in_a_row = 2}), Outcome::kFinished);
  step.is_finite = [](int64_t s) { return s < 3; };
  EXPECT_THROW(run({.num_steps = 9, .save_every = 0, .max_non_finite_in_a_row = 2}), DoNotRequeueError);
  EXPECT_EQ(step.steps.back(), 4);
}

TEST(LrSchedule, WarmsUpLinearlyAndEndsTheCosineNearZero) {
  const OptimizerConfig config{.lr = 2.0, .warmup = 4, .schedule = Schedule::kCosine};
  EXPECT_DOUBLE_EQ(learning_rate(config, 0, 104), 0.5);
  EXPECT_DOUBLE_EQ(learning_rate(config, 3, 104), 2.0);
  EXPECT_DOUBLE_EQ(learning_rate(config, 4, 104), 2.0);
  EXPECT_NEAR(learning_rate(config, 54, 104), 1.0, 1e-12);
  EXPECT_NEAR(learning_rate(config, 103, 104), 0.0, 1e-3);
}

}  // namespace
}  // namespace fgm
