#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

namespace fgm {

// Writes to standard output and flushes; what every sub-command prints goes through here, so that a full disk
// behind "fgm inspect FILE > report" does not look like success: IoError. A reader that left early ("| head")
// is no error.
void print_out(std::string_view text);

// Indented by two; bytes that are not UTF-8 (a file name may hold any) become U+FFFD.
void print_json(const nlohmann::ordered_json& json);

}  // namespace fgm
