#include "core/train/phase_timer.h"

namespace fgm {

void PhaseTimer::enter(const std::string& part) {
  close_part();
  part_ = part;
  part_began_ = Clock::now();
}

void PhaseTimer::finish(std::map<std::string, double>& values) {
  close_part();
  part_.clear();
  double total = 0.0;
  for (const auto& [part, ms] : ms_) {
    values["ms." + part] = ms;
    total += ms;
  }
  values["ms.total"] = total;
}

void PhaseTimer::close_part() {
  if (part_.empty()) return;
  ms_[part_] += std::chrono::duration<double, std::milli>(Clock::now() - part_began_).count();
}

}  // namespace fgm
