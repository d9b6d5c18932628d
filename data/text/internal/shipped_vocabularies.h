#pragma once

#include <string_view>

namespace fgm {

// The files of data/text/vocab, which lie inside the program.
std::string_view shipped_clip_merges();
std::string_view shipped_t5_model();

}  // namespace fgm
