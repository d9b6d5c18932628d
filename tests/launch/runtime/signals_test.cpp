#include "launch/runtime/signals.h"

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <thread>

#include "core/base/error.h"

namespace fgm {
namespace {

constexpr std::array kStopSignals = {SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
constexpr std::array kRepeatedSignals = {SIGHUP, SIGXCPU};
constexpr std::array kAllSignals = {SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGHUP, SIGXCPU};

// To the process, as a launcher does it; returns when it has been taken.
void send(int signal, const StopSignals& signals) {
  kill(getpid(), signal);
  while (signals.requested() == 0) std::this_thread::yield();
}

TEST(StopSignals, FirstSignalOfEachKindOnlyAsksToStop) {
  for (const int signal : kAllSignals) {
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

void send_and_wait(int signal) {
  kill(getpid(), signal);
  for (sigset_t pending; sigpending(&pending) == 0 && sigismember(&pending, signal) == 1;) std::this_thread::yield();
}

void close_the_terminal_and_exceed_the_limit() {
  {
    StopSignals signals;
    send(SIGTERM, signals);
    for (const int signal : kRepeatedSignals) {
      for (int i = 0; i < 3; ++i) send_and_wait(signal);
    }
  }
  {
    StopSignals signals;
    send(SIGHUP, signals);
    send_and_wait(SIGUSR1);
  }
  std::exit(0);
}

// The end of a terminal sends several SIGHUP, the kernel a SIGXCPU each second while the run saves.
TEST(StopSignalsDeathTest, HangupAndCpuLimitAreNeverOneOfTwoSignals) {
  EXPECT_EXIT(close_the_terminal_and_exceed_the_limit(), testing::ExitedWithCode(0), "");
}

// As GNU timeout does it, whose second one may come when the first has been taken.
TEST(StopSignals, SignalThatTheParentSendsTwiceInARowIsOne) {
  std::array<int, 2> ask, sent;
  ASSERT_EQ(pipe(ask.data()) + pipe(sent.data()), 0);
  char byte = 0;
  const pid_t child = fork();
  if (child == 0) {
    {
      StopSignals signals;
      sigset_t pending;
      for (int i = 0; i < 2; ++i) {
        if (write(ask[1], &byte, 1) + read(sent[0], &byte, 1) != 2) _exit(1);
        do std::this_thread::yield();
        while (signals.requested() == 0 || (sigpending(&pending) == 0 && sigismember(&pending, SIGTERM) == 1));
      }
    }
    _exit(0);
  }
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(read(ask[0], &byte, 1), 1);
    kill(child, SIGTERM);
    ASSERT_EQ(write(sent[1], &byte, 1), 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  for (const int end : {ask[0], ask[1], sent[0], sent[1]}) close(end);
}

TEST(StopSignals, HangupAndCpuLimitThatWereIgnoredStayIgnored) {
  for (const int signal : kRepeatedSignals) {
    const auto before = std::signal(signal, SIG_IGN);
    {
      StopSignals signals;
      kill(getpid(), signal);
      send(SIGTERM, signals);
      EXPECT_EQ(signals.requested(), SIGTERM);
    }
    std::signal(signal, before);
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
  for (const int signal : kAllSignals) EXPECT_EQ(sigismember(&blocked, signal), 1) << signal;
}

TEST(StopSignals, TwoAtATimeAreRefused) {
  StopSignals signals;
  EXPECT_THROW(StopSignals(), Error);
}

}  // namespace
}  // namespace fgm
