#include "core/base/text.h"

#include <fmt/format.h>
#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>
#include <utility>

#include "core/base/error.h"
#include "core/base/log.h"

namespace fgm {
namespace {

constexpr std::string_view kByteOrderMark = "\uFEFF";

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substitution = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substitution});
    }
  }
  return row.back();
}

bool is_ascii(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return (c & 0x80) != 0; });
}

// Takes the first character away from `text`, which is not empty; below 0 when its bytes are ill-formed.
UChar32 take_character(std::string_view& text) {
  UChar32 character = 0;
  int32_t end = 0;
  U8_NEXT(text.data(), end, static_cast<int32_t>(std::min<size_t>(text.size(), U8_MAX_LENGTH)), character);
  text.remove_prefix(static_cast<size_t>(end));
  return character;
}

bool is_control(UChar32 c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0);
}

// See UnseenCharacters.
bool is_unseen(UChar32 c, UChar32 before) {
  if (c == ' ' || c == '\t' || c == '\n' || c == '\r') return false;
  if (is_control(c) || u_isUWhiteSpace(c)) return true;
  const bool is_joiner = c == 0x200C || c == 0x200D || (c >= 0xE0020 && c <= 0xE007F);
  if (is_joiner) return before < 0x80;
  // Variation selectors are marks.
  return u_hasBinaryProperty(c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT) && u_charType(c) != U_NON_SPACING_MARK;
}

bool is_curly_quote(UChar32 c) {
  const auto type = u_charType(c);
  return type == U_INITIAL_PUNCTUATION || type == U_FINAL_PUNCTUATION;
}

// UTF-16 and UTF-32, by their mark or by a first character of ASCII.
bool is_wide(std::string_view bytes) {
  if (bytes.starts_with("\xFF\xFE") || bytes.starts_with("\xFE\xFF")) return true;
  return bytes.size() >= 2 && (bytes[0] == 0) != (bytes[1] == 0);
}

const icu::Normalizer2& form_c() {
  UErrorCode error = U_ZERO_ERROR;
  const auto* form = icu::Normalizer2::getNFCInstance(error);
  check(form != nullptr && U_SUCCESS(error), "ICU has no normal form C: {}", u_errorName(error));
  return *form;
}

}  // namespace

std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates) {
  std::optional<std::string> best;
  size_t best_distance = std::max<size_t>(2, word.size() / 3) + 1;
  for (const auto& candidate : candidates) {
    const size_t distance = edit_distance(word, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> pieces;
  while (!text.empty()) {
    const size_t end = std::min(text.find(separator), text.size());
    if (auto piece = trim(text.substr(0, end)); !piece.empty()) pieces.push_back(std::move(piece));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return pieces;
}

std::string trim(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return "";
  return std::string(text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1));
}

std::string human_bytes(double bytes) {
  constexpr std::array kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  while (bytes >= 1024.0 && unit + 1 < kUnits.size()) {
    bytes /= 1024.0;
    ++unit;
  }
  return unit == 0 ? fmt::format("{:.0f} B", bytes) : fmt::format("{:.1f} {}", bytes, kUnits[unit]);
}

std::string human_duration(double seconds) {
  const auto total = static_cast<int64_t>(seconds + 0.5);
  if (total < 60) return fmt::format("{} s", total);
  if (total < 3600) return fmt::format("{} min {:02d} s", total / 60, total % 60);
  return fmt::format("{} h {:02d} min", total / 3600, total / 60 % 60);
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    if (take_character(text) < 0) return false;
  }
  return true;
}

std::string_view decode_text(std::string_view bytes, const std::string& name) {
  require<IoError>(!is_wide(bytes), "{} is UTF-16, not UTF-8; convert it (iconv -f UTF-16 -t UTF-8)", name);
  if (bytes.starts_with(kByteOrderMark)) bytes.remove_prefix(kByteOrderMark.size());
  for (auto rest = bytes; !rest.empty();) {
    const auto here = rest;
    const UChar32 character = take_character(rest);
    if (character > 0) continue;
    const size_t line = lines_of(bytes.substr(0, bytes.size() - here.size() + 1)).size();
    require<IoError>(character < 0, "{}:{}: holds NUL, which no text has; is it the right file?", name, line);
    throw IoError(fmt::format(
        "{}:{}: {} is not UTF-8; if the file is Latin-1 or Windows-1252, convert it (iconv -f WINDOWS-1252 -t UTF-8)",
        name, line, describe_character(here)));
  }
  return bytes;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of("\r\n"), text.size());
    auto& line = lines.emplace_back(text.substr(0, end));
    if (line.starts_with(kByteOrderMark)) line.remove_prefix(kByteOrderMark.size());
    const size_t end_bytes = text.substr(end).starts_with("\r\n") ? 2 : 1;
    text.remove_prefix(std::min(end + end_bytes, text.size()));
  }
  return lines;
}

bool is_nfc(std::string_view text) {
  if (is_ascii(text)) return true;
  UErrorCode error = U_ZERO_ERROR;
  const bool is_normal = form_c().isNormalizedUTF8({text.data(), static_cast<int32_t>(text.size())}, error) != 0;
  check(U_SUCCESS(error), "ICU's isNormalizedUTF8: {}", u_errorName(error));
  return is_normal;
}

std::string to_nfc(std::string text) {
  if (is_nfc(text)) return text;
  std::string normal;
  icu::StringByteSink<std::string> sink(&normal);
  UErrorCode error = U_ZERO_ERROR;
  form_c().normalizeUTF8(0, text, sink, nullptr, error);
  check(U_SUCCESS(error), "ICU's normalizeUTF8: {}", u_errorName(error));
  return normal;
}

std::string printable(std::string_view text, size_t max_bytes) {
  std::string out;
  while (!text.empty() && out.size() < max_bytes) {
    const auto here = text;
    const UChar32 character = take_character(text);
    const auto bytes = here.substr(0, here.size() - text.size());
    if (character >= 0 && !is_control(character)) {
      out += bytes;
    } else {
      for (const char byte : bytes) out += fmt::format("\\x{:02X}", static_cast<uint8_t>(byte));
    }
  }
  return text.empty() ? out : fmt::format("{} ... ({} bytes more)", out, text.size());
}

std::string describe_character(std::string_view text) {
  const auto first = static_cast<uint8_t>(text.front());
  const UChar32 character = take_character(text);
  if (character < 0) return fmt::format("byte {:02X}", first);
  if (character > ' ' && character < 0x7F) return fmt::format("'{}'", static_cast<char>(first));
  std::array<char, 128> name{};
  UErrorCode error = U_ZERO_ERROR;
  u_charName(character, U_EXTENDED_CHAR_NAME, name.data(), static_cast<int32_t>(name.size()), &error);
  return fmt::format("U+{:04X} {}", static_cast<uint32_t>(character), name.data());
}

std::string non_ascii_note(std::string_view text) {
  const auto found = std::ranges::find_if(text, [](char c) { return (c & 0x80) != 0; });
  if (found == text.end()) return "";
  return fmt::format("; it holds {}", describe_character({found, text.end()}));
}

std::string slip_at_ends(std::string_view text) {
  if (is_ascii(text)) return "";
  auto rest = text;
  const UChar32 first = take_character(rest);
  if (is_unseen(first, 0) || is_curly_quote(first)) return "begins with " + describe_character(text);
  auto last = text;
  UChar32 before = 0, character = first;
  while (!rest.empty()) {
    last = rest;
    before = std::exchange(character, take_character(rest));
  }
  return is_unseen(character, before) ? "ends with " + describe_character(last) : "";
}

void UnseenCharacters::count(std::string_view text, const std::function<std::string()>& place) {
  UChar32 before = 0;
  while (!text.empty()) {
    const auto here = text;
    const UChar32 character = take_character(text);
    if (is_unseen(character, std::exchange(before, character)) && total_++ == 0) {
      first_ = fmt::format("{} in {}", describe_character(here), place());
    }
  }
}

void UnseenCharacters::log(const std::string& name) const {
  if (total_ == 0) return;
  spdlog::info(
      "{}: {} characters look like a plain blank or like nothing and change the words that they touch; the "
      "first is {}",
      name, total_, first_);
}

}  // namespace fgm
