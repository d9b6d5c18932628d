#pragma once

#include <array>
#include <csignal>

namespace fgm {

// While it lives, SIGINT (Ctrl-C), SIGTERM, SIGUSR1 and SIGUSR2 ask the run to stop after the current step instead of
// ending the process. A second one, of any of the four kinds, leaves at once with exit code 130. The handlers that were
// there before come back with its end. One at a time in a process.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  // The signal that this process got; 0: none yet. Any thread may ask.
  int requested() const;

 private:
  static constexpr int kNumSignals = 4;
  std::array<struct sigaction, kNumSignals> previous_;
};

}  // namespace fgm
