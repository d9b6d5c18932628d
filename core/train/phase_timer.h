#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/train/phase_scope.h"

namespace fgm {

// Splits the wall time of a step by phase, in milliseconds. Time inside a nested phase belongs to that one alone, so
// that the parts add up. Phases of all networks that end alike ("student.forward", "estimator.forward") are one part.
// On a GPU these are the host's times: kernels still in flight are charged to whoever waits for them.
class PhaseTimer final : public PhaseListener {
 public:
  void on_enter(std::string_view phase) override;
  void on_leave(std::string_view phase) override;

  // "ms.<part>" of all that was measured since the last call.
  std::map<std::string, double> take();

 private:
  using Clock = std::chrono::steady_clock;
  void charge();

  std::vector<std::string> open_;  // parts, the innermost last
  Clock::time_point since_;        // when the innermost one began or went on
  std::map<std::string, double> ms_;
};

}  // namespace fgm
