#pragma once

#include <atomic>
#include <csignal>
#include <thread>

namespace fgm {

// While it lives, these signals ask the run to stop after the current step instead of ending the process:
//   SIGINT (Ctrl-C), SIGTERM, SIGUSR1, SIGUSR2: a second one, of any of the four kinds, leaves at once with exit code
//     130. What a parent sends twice in a row is one.
//   SIGHUP (the terminal has closed), SIGXCPU (the limit of CPU time): unless they were ignored before (nohup). They
//     never leave at once: a terminal's end sends more than one SIGHUP, the kernel a SIGXCPU each second.
// What they did before comes back with its end. One at a time in a process.
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

  // The first signal that this process got; 0: none yet. Any thread may ask.
  int requested() const { return requested_; }

 private:
  void wait_for_signals();

  std::atomic<int> requested_ = 0;
  std::atomic<bool> is_ending_ = false;
  sigset_t set_;  // what it waits for
  sigset_t previous_mask_;
  std::thread waiter_;
};

}  // namespace fgm
