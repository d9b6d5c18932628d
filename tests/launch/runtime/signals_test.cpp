#include "launch/runtime/signals.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <array>
#include <thread>

#include "core/base/error.h"

namespace fgm {
namespace {

constexpr std::array kStopSignals = {SIGINT, SIGTERM, SIGUSR1, SIGUSR2};

// To the process, as a launcher does it; returns when it has been taken.
void send(int signal, const StopSignals& signals) {
  kill(getpid(), signal);
  while (signals.requested() == 0) std::this_thread::yield();
}

TEST(StopSignals, FirstSignalOfEachKindOnlyAsksToStop) {
  for (const int signal : kStopSignals) {
    StopSignals signals;
    ASSERT_EQ(signals.requested(), 0) << "a request outlived the object before";
    send(signal, signals);
    EXPECT_EQ(signals.requested(), signal);
  }
}

void send_both(int first, int second) {
  StopSignals signals;
  send(first, signals);
  kill(getpid(), second);
  for (;;) pause();
}

TEST(StopSignalsDeathTest, SecondSignalOfAnyKindLeavesAtOnceWithItsExitCode) {
  for (const int first : kStopSignals) {
    EXPECT_EXIT(send_both(first, SIGTERM), testing::ExitedWithCode(kExitSecondInterrupt), "") << first;
    EXPECT_EXIT(send_both(SIGUSR1, first), testing::ExitedWithCode(kExitSecondInterrupt), "") << first;
  }
}

TEST(StopSignalsDeathTest, CtrlCSaysThatASecondOneLeavesAtOnce) {
  EXPECT_EXIT(send_both(SIGINT, SIGINT), testing::ExitedWithCode(kExitSecondInterrupt), "press Ctrl-C again");
}

TEST(StopSignalsDeathTest, WhatTheyDidBeforeComesBack) {
  { StopSignals signals; }
  EXPECT_EXIT(std::raise(SIGTERM), testing::KilledBySignal(SIGTERM), "");
}

// See Note [No handler on a thread that computes].
TEST(StopSignals, ThreadsThatComputeNeverTakeOne) {
  StopSignals signals;
  sigset_t blocked;
  std::thread([&] { pthread_sigmask(SIG_BLOCK, nullptr, &blocked); }).join();
  for (const int signal : kStopSignals) EXPECT_EQ(sigismember(&blocked, signal), 1) << signal;
}

TEST(StopSignals, TwoAtATimeAreRefused) {
  StopSignals signals;
  EXPECT_THROW(StopSignals(), Error);
}

}  // namespace
}  // namespace fgm
