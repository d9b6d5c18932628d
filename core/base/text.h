#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fgm {

// The candidate with the smallest Levenshtein distance to `word`, for "did you mean"; nothing when none is near
// (distance above a third of the word's length, at least 2).
std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates);

// Splits at every `separator`, trims blanks, and drops empty pieces.
std::vector<std::string> split(std::string_view text, char separator);

std::string trim(std::string_view text);

// "1.5 GiB", "340 KiB", "12 B".
std::string human_bytes(double bytes);

// "1 h 02 min", "3 min 20 s", "45 s".
std::string human_duration(double seconds);

}  // namespace fgm
