#pragma once

#include <array>
#include <csignal>

namespace fgm {

// While it lives, SIGINT (Ctrl-C) and SIGTERM ask the run to stop after the current step instead of ending
// the process. A second SIGINT leaves at once with exit code 130. The handlers that were there before come
// back with its end. One at a time in a process.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  // True from the first signal on. Any thread may ask.
  bool stop_requested() const;

 private:
  std::array<struct sigaction, 2> previous_;
};

}  // namespace fgm
