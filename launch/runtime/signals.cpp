#include "launch/runtime/signals.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "core/base/error.h"

namespace fgm {
namespace {

std::atomic<bool> is_installed = false;

bool is_ignored(int signal) {
  struct sigaction action;
  return sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

// Counts the signals that people and launchers send, and send again on purpose.
class PurposefulSignals {
 public:
  void count(const siginfo_t& info) {
    if (info.si_signo == SIGHUP || info.si_signo == SIGXCPU) return;
    // GNU timeout sends its signal to its child and then to the child's process group.
    const auto now = std::chrono::steady_clock::now();
    const bool is_from_parent = info.si_code == SI_USER && info.si_pid == getppid();
    if (is_from_parent && info.si_signo == last_from_parent_ && now - time_ < std::chrono::seconds(1)) return;
    if (is_from_parent) last_from_parent_ = info.si_signo, time_ = now;
    ++number_;
  }
  int number() const { return number_; }

 private:
  int number_ = 0;
  int last_from_parent_ = 0;
  std::chrono::steady_clock::time_point time_;
};

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1, SIGUSR2}) sigaddset(&set, signal);
  for (const int signal : {SIGHUP, SIGXCPU}) {
    if (!is_ignored(signal)) sigaddset(&set, signal);
  }
  return set;
}

}  // namespace

StopSignals::StopSignals() : set_(stop_signals()) {
  check(!is_installed.exchange(true), "two StopSignals at a time");
  pthread_sigmask(SIG_BLOCK, &set_, &previous_mask_);
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
  PurposefulSignals on_purpose;
  for (;;) {
    siginfo_t info;
    const int first = sigwaitinfo(&set_, &info);
    // A second one that has come already counts before the first is seen, or a save might begin in between.
    for (int signal = first; signal > 0; signal = sigtimedwait(&set_, &info, &kNow)) on_purpose.count(info);
    if (is_ending_) return;
    if (on_purpose.number() > 1) _exit(kExitSecondInterrupt);
    if (requested_ == 0) requested_ = std::max(first, 0);  // -1: the process was stopped for a while
    if (first == SIGINT) std::fputs("\nstopping after this step; press Ctrl-C again to leave at once\n", stderr);
  }
}

}  // namespace fgm
