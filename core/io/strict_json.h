#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

namespace fgm {

// Parses JSON as nlohmann does, but refuses what its document would hide or choke on: a key given twice, and values
// nested more than `max_depth` deep (the outermost object counts as 1). IoError saying what is wrong, not in which
// file.
nlohmann::json parse_strict_json(std::string_view text, int max_depth);

}  // namespace fgm
