#pragma once

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>

namespace fgm {

// Reads the whole of `text` as a decimal number, which has no blanks and no '+' before it. errc::invalid_argument when
// it is none, errc::result_out_of_range when a Number cannot hold it; errc() is success.
template <typename Number>
std::errc parse_number(std::string_view text, Number& number) {
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && stop != end ? std::errc::invalid_argument : error;
}

// The same for a caller to whom all that is no number is alike.
template <typename Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number{};
  return parse_number(text, number) == std::errc() ? std::optional(number) : std::nullopt;
}

// The digits that `text` begins with: of "28, time = ..." those of 28.
inline std::string_view leading_digits(std::string_view text) {
  return text.substr(0, std::min(text.find_first_not_of("0123456789"), text.size()));
}

}  // namespace fgm
