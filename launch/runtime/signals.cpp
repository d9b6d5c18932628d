#include "launch/runtime/signals.h"

#include <unistd.h>

#include <atomic>
#include <string_view>

#include "core/base/error.h"

namespace fgm {
namespace {

constexpr std::array kSignals = {SIGINT, SIGTERM, SIGUSR1, SIGUSR2};

// A signal handler can reach nothing but globals, and of those only lock-free atomics.
std::atomic<bool> is_installed = false;
std::atomic<int> requested_signal = 0;
static_assert(std::atomic<int>::is_always_lock_free);

void on_signal(int signal) {
  if (requested_signal.exchange(signal) != 0) _exit(kExitSecondInterrupt);
  if (signal != SIGINT) return;
  constexpr std::string_view kNotice = "\nstopping after this step; press Ctrl-C again to leave at once\n";
  [[maybe_unused]] const auto written = write(STDERR_FILENO, kNotice.data(), kNotice.size());
}

}  // namespace

StopSignals::StopSignals() {
  static_assert(kSignals.size() == kNumSignals);
  check(!is_installed.exchange(true), "two StopSignals at a time");
  requested_signal = 0;
  struct sigaction action = {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  for (size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &action, &previous_[i]);
}

StopSignals::~StopSignals() {
  for (size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &previous_[i], nullptr);
  is_installed = false;
}

int StopSignals::requested() const {
  return requested_signal;
}

}  // namespace fgm
