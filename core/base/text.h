#pragma once

#include <cstdint>
#include <functional>
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

// Whether `text` is well-formed UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text);

// The text that the bytes of a file mean: without a byte order mark. IoError naming `name`, the line and what to do
// when it is UTF-16 or UTF-32, holds a byte that is not UTF-8 (Latin-1, say), or NUL.
std::string_view decode_text(std::string_view bytes, const std::string& name);

// The lines of `text` without their ends, which are \n, \r\n or \r. A byte order mark before a line is left out:
// it stands there when files were joined.
std::vector<std::string_view> lines_of(std::string_view text);

// Unicode's normal form C, in which every new prompt is kept: an accented letter is one character, however it was
// typed. Text that is in it already, as all ASCII is, comes back as it was. Needs UTF-8.
bool is_nfc(std::string_view text);
std::string to_nfc(std::string text);

// For messages. Bytes that are not UTF-8 and control characters become "\xE9", and a text beyond `max_bytes` is cut.
std::string printable(std::string_view text, size_t max_bytes = 4000);
// The first character of `text`, which is not empty: "'x'", "U+00A0 NO-BREAK SPACE", "byte E9".
std::string describe_character(std::string_view text);
// "; it holds U+2013 EN DASH": the first character beyond ASCII in what should have none; "" when there is none.
std::string non_ascii_note(std::string_view text);
// "begins with U+00A0 NO-BREAK SPACE": a name never means to begin or end with what cannot be seen, nor to begin with
// a curly quote. "" when it does not. Needs UTF-8.
std::string slip_at_ends(std::string_view text);

// Characters that nobody sees as such, and that make another word of the one they touch: zero-width characters, blanks
// that are no plain blank, control characters. Joiners count only behind ASCII: emoji and many scripts need them.
class UnseenCharacters {
 public:
  // Counts those of `text`, which is UTF-8; `place` says where it stands ("line 3").
  void count(std::string_view text, const std::function<std::string()>& place);
  // One info line, when there are any.
  void log(const std::string& name) const;
  int64_t total() const { return total_; }

 private:
  int64_t total_ = 0;
  std::string first_;  // "U+00A0 NO-BREAK SPACE in line 3"
};

}  // namespace fgm
