#pragma once

#include <chrono>
#include <map>
#include <string>

namespace fgm {

// Splits the wall time of a step into named parts, in milliseconds: "data", "forward", "backward", "optimizer".
// On a GPU these are the host's times: kernels still in flight are charged to whoever waits for them.
class PhaseTimer {
 public:
  // Ends the part before and begins `part`; times of parts with the same name add up.
  void enter(const std::string& part);
  // Ends the last part and writes "ms.<part>" and "ms.total" into `values`.
  void finish(std::map<std::string, double>& values);

 private:
  using Clock = std::chrono::steady_clock;
  void close_part();

  std::string part_;
  Clock::time_point part_began_;
  std::map<std::string, double> ms_;
};

}  // namespace fgm
