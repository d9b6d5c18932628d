#include "launch/runtime/signals.h"

#include <unistd.h>

#include <cstdio>

#include "core/base/error.h"

namespace fgm {
namespace {

std::atomic<bool> is_installed = false;

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1, SIGUSR2}) sigaddset(&set, signal);
  return set;
}

}  // namespace

StopSignals::StopSignals() {
  check(!is_installed.exchange(true), "two StopSignals at a time");
  const sigset_t set = stop_signals();
  pthread_sigmask(SIG_BLOCK, &set, &previous_mask_);
  waiter_ = std::thread([this] { wait_for_signals(); });
}

StopSignals::~StopSignals() {
  is_ending_ = true;
  pthread_kill(waiter_.native_handle(), SIGUSR1);
  waiter_.join();
  pthread_sigmask(SIG_SETMASK, &previous_mask_, nullptr);
  is_installed = false;
}

void StopSignals::wait_for_signals() {
  constexpr timespec kNow = {};
  const sigset_t set = stop_signals();
  for (;;) {
    int signal = 0;
    sigwait(&set, &signal);
    // A second one that has come already counts before the first is seen, or a save might begin in between.
    const bool is_second = requested_ != 0 || sigtimedwait(&set, nullptr, &kNow) > 0;
    if (is_ending_) return;
    if (is_second) _exit(kExitSecondInterrupt);
    requested_ = signal;
    if (signal == SIGINT) std::fputs("\nstopping after this step; press Ctrl-C again to leave at once\n", stderr);
  }
}

}  // namespace fgm
