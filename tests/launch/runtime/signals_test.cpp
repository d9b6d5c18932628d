#include "launch/runtime/signals.h"

#include <gtest/gtest.h>

#include <array>

#include "core/base/error.h"

namespace fgm {
namespace {

constexpr std::array kStopSignals = {SIGINT, SIGTERM, SIGUSR1, SIGUSR2};

TEST(StopSignals, FirstSignalOfEachKindOnlyAsksToStop) {
  for (const int signal : kStopSignals) {
    StopSignals signals;
    ASSERT_EQ(signals.requested(), 0) << "a request outlived the object before";
    std::raise(signal);
    EXPECT_EQ(signals.requested(), signal);
  }
}

void raise_both(int first, int second) {
  StopSignals signals;
  std::raise(first);
  std::raise(second);
}

TEST(StopSignalsDeathTest, SecondSignalOfAnyKindLeavesAtOnceWithItsExitCode) {
  for (const int first : kStopSignals) {
    EXPECT_EXIT(raise_both(first, SIGTERM), testing::ExitedWithCode(kExitSecondInterrupt), "") << first;
    EXPECT_EXIT(raise_both(SIGUSR1, first), testing::ExitedWithCode(kExitSecondInterrupt), "") << first;
  }
}

TEST(StopSignalsDeathTest, CtrlCSaysThatASecondOneLeavesAtOnce) {
  EXPECT_EXIT(raise_both(SIGINT, SIGINT), testing::ExitedWithCode(kExitSecondInterrupt), "press Ctrl-C again");
}

TEST(StopSignals, HandlersBeforeComeBack) {
  std::signal(SIGTERM, SIG_IGN);
  { StopSignals signals; }
  EXPECT_EQ(std::signal(SIGTERM, SIG_DFL), SIG_IGN);
}

TEST(StopSignals, TwoAtATimeAreRefused) {
  StopSignals signals;
  EXPECT_THROW(StopSignals(), Error);
}

}  // namespace
}  // namespace fgm
