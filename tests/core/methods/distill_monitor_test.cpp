#include "core/methods/distill_monitor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace fgm {
namespace {

struct Numbers {
  double loss = 0.2, l1 = 0.06, l2 = -0.03;
};

StepReport report_of(const Numbers& numbers) {
  return {"distill", 64, true, {{"loss.estimator", numbers.loss}, {"l1", numbers.l1}, {"l2", numbers.l2}}};
}

// The warnings of `count` steps with these numbers.
std::vector<std::string> warnings(DistillMonitor& monitor, int64_t count, const Numbers& numbers) {
  std::vector<std::string> said;
  for (int64_t step = 1; step <= count; ++step) {
    if (auto warning = monitor.look(step, report_of(numbers))) said.push_back(*warning);
  }
  return said;
}

TEST(DistillMonitor, IsSilentWhileTheEstimatorFollows) {
  DistillMonitor monitor;
  EXPECT_TRUE(warnings(monitor, 1000, {}).empty());
  EXPECT_TRUE(warnings(monitor, 1000, {.l2 = -0.13}).empty()) << "at the end of a run L1 is the estimator's noise";
  EXPECT_TRUE(warnings(monitor, 1000, {.loss = 0.6, .l1 = 0.1}).empty());
}

TEST(DistillMonitor, WarnsOfAnEstimatorThatIsLeftBehind) {
  DistillMonitor monitor;
  warnings(monitor, 100, {});
  const auto said = warnings(monitor, 300, {.loss = 1.2, .l1 = 0.6});
  ASSERT_EQ(said.size(), 1u);
  EXPECT_THAT(said[0], testing::HasSubstr("the estimator is left behind by the student"));
}

TEST(DistillMonitor, WarnsThatTheStudentLearnsFromErrorsThoughL1Falls) {
  DistillMonitor monitor;
  warnings(monitor, 100, {.l1 = 0.01, .l2 = -0.01});
  EXPECT_EQ(warnings(monitor, 300, {.loss = 10.0, .l1 = 0.005, .l2 = -0.08}).size(), 1u);
}

TEST(DistillMonitor, WarnsOfAnEstimatorThatStaysWithTheTeacher) {
  DistillMonitor monitor;
  EXPECT_TRUE(warnings(monitor, 199, {.l1 = 0.01, .l2 = 0.04}).empty()) << "it begins there";
  const auto said = warnings(monitor, 300, {.l1 = 0.01, .l2 = 0.04});
  ASSERT_EQ(said.size(), 1u);
  EXPECT_THAT(said[0], testing::HasSubstr("has hardly left the teacher"));
}

TEST(DistillMonitor, RepeatsAWarningThatHoldsEvery500Steps) {
  DistillMonitor monitor;
  warnings(monitor, 100, {});
  EXPECT_EQ(warnings(monitor, 1400, {.loss = 1.2, .l1 = 0.6}).size(), 3u);
  EXPECT_EQ(warnings(monitor, 1000, {}).size(), 0u);
}

TEST(DistillMonitor, JudgesNoSingleStep) {
  DistillMonitor monitor;
  warnings(monitor, 100, {});
  EXPECT_TRUE(warnings(monitor, 3, {.loss = 1.2, .l1 = 0.6}).empty());
}

TEST(DistillMonitor, LeavesOutWhatIsNoNumber) {
  DistillMonitor monitor;
  warnings(monitor, 100, {});
  EXPECT_TRUE(warnings(monitor, 1, {.loss = std::numeric_limits<double>::quiet_NaN()}).empty());
  EXPECT_FALSE(monitor.look(102, {"distill", 64, true, {{"loss.student", 0.5}}}));
  EXPECT_EQ(warnings(monitor, 300, {.loss = 1.2, .l1 = 0.6}).size(), 1u);
}

}  // namespace
}  // namespace fgm
