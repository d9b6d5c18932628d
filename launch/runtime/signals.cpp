#include "launch/runtime/signals.h"

#include <unistd.h>

#include <atomic>
#include <string_view>

#include "core/base/error.h"

namespace fgm {
namespace {

constexpr std::array kSignals = {SIGINT, SIGTERM};

// A signal handler can reach nothing but globals, and of those only lock-free atomics.
std::atomic<bool> is_installed = false;
std::atomic<bool> is_stop_requested = false;
std::atomic<bool> is_interrupted = false;
static_assert(std::atomic<bool>::is_always_lock_free);

void on_signal(int signal) {
  is_stop_requested = true;
  if (signal != SIGINT) return;
  if (is_interrupted.exchange(true)) _exit(kExitSecondInterrupt);
  constexpr std::string_view kNotice = "\nstopping after this step; press Ctrl-C again to leave at once\n";
  [[maybe_unused]] const auto written = write(STDERR_FILENO, kNotice.data(), kNotice.size());
}

}  // namespace

StopSignals::StopSignals() {
  check(!is_installed.exchange(true), "two StopSignals at a time");
  is_stop_requested = false;
  is_interrupted = false;
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

bool StopSignals::stop_requested() const {
  return is_stop_requested;
}

}  // namespace fgm
