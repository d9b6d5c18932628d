#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace fgm {

// report_difference()'s JSON for a terminal: what differs, and a line that sums it up.
std::string difference_text(const nlohmann::ordered_json& report);

}  // namespace fgm
