#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/train/phase_scope.h"

namespace fgm::support {

// Keeps the names of the phases that were entered, in their order.
struct PhaseList : PhaseListener {
  void on_enter(std::string_view phase) override { entered.emplace_back(phase); }
  void on_leave(std::string_view) override {}

  std::vector<std::string> entered;
};

}  // namespace fgm::support
