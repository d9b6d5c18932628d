#pragma once

#include <atomic>
#include <csignal>
#include <thread>

namespace fgm {

// While it lives, SIGINT (Ctrl-C), SIGTERM, SIGUSR1 and SIGUSR2 ask the run to stop after the current step instead of
// ending the process. A second one, of any of the four kinds, leaves at once with exit code 130. What they did before
// comes back with its end. One at a time in a process.
//
// Note [No handler on a thread that computes]: oneDNN's generated kernels use the stack pointer as an ordinary
// register, and a handler's frame would be written wherever it points, into the heap. So the signals are blocked, and a
// thread that does nothing else waits for them. Threads inherit what is blocked: make this before any other thread.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  // The signal that this process got; 0: none yet. Any thread may ask.
  int requested() const { return requested_; }

 private:
  void wait_for_signals();

  std::atomic<int> requested_ = 0;
  std::atomic<bool> is_ending_ = false;
  sigset_t previous_mask_;
  std::thread waiter_;
};

}  // namespace fgm
