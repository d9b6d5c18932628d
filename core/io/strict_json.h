#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string_view>

namespace fgm {

// nlohmann's parse, with errors in our words: IoError "it is not valid JSON (line 3, column 7: '}' is unexpected)",
// without the file's name. The order of an object's members is kept.
nlohmann::ordered_json parse_json(std::string_view text);

// Parses a file in UTF-8, with or without a byte order mark; the IoError names it.
nlohmann::json read_json(const std::filesystem::path& path);

// Parses JSON, but refuses what its document would hide or choke on: a key given twice, and values nested more than
// `max_depth` deep (the outermost object counts as 1). IoError as of parse_json.
nlohmann::json parse_strict_json(std::string_view text, int max_depth);

}  // namespace fgm
