#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace fgm {

// For an error whose message is that of an allocator (C++'s, LibTorch's on the CPU or a GPU), at its front or behind
// the words of ours: one line that says what `who` asked for and what is free. Nothing for other messages.
std::optional<std::string> out_of_memory_text(std::string_view message, std::string_view who);

}  // namespace fgm
