#include "launch/runtime/signals.h"

#include <gtest/gtest.h>

#include "core/base/error.h"

namespace fgm {
namespace {

TEST(StopSignals, FirstSignalOfEachKindOnlyAsksToStop) {
  for (const int signal : {SIGINT, SIGTERM}) {
    StopSignals signals;
    ASSERT_FALSE(signals.stop_requested()) << "a request outlived the object before";
    std::raise(signal);
    EXPECT_TRUE(signals.stop_requested());
  }
}

TEST(StopSignals, SecondTerminateStillOnlyAsks) {
  StopSignals signals;
  std::raise(SIGTERM);
  std::raise(SIGTERM);
  EXPECT_TRUE(signals.stop_requested());
}

void interrupt_twice() {
  StopSignals signals;
  std::raise(SIGINT);
  std::raise(SIGINT);
}

TEST(StopSignalsDeathTest, SecondInterruptLeavesAtOnceWithItsExitCode) {
  EXPECT_EXIT(interrupt_twice(), testing::ExitedWithCode(kExitSecondInterrupt), "press Ctrl-C again");
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
