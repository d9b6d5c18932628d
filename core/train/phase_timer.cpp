#include "core/train/phase_timer.h"

#include <utility>

namespace fgm {

void PhaseTimer::on_enter(std::string_view phase) {
  charge();
  open_.emplace_back(phase.substr(phase.rfind('.') + 1));  // npos + 1 is 0
}

void PhaseTimer::on_leave(std::string_view) {
  charge();
  open_.pop_back();
}

std::map<std::string, double> PhaseTimer::take() {
  return std::exchange(ms_, {});
}

void PhaseTimer::charge() {
  const auto now = Clock::now();
  if (!open_.empty()) ms_["ms." + open_.back()] += std::chrono::duration<double, std::milli>(now - since_).count();
  since_ = now;
}

}  // namespace fgm
