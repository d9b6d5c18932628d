#include "data/text/internal/chars_map.h"

#include <unicode/brkiter.h>
#include <unicode/uchar.h>
#include <unicode/utext.h>
#include <unicode/utf8.h>

#include <cstring>
#include <memory>
#include <utility>

#include "core/base/error.h"

namespace fgm {
namespace {

size_t offset_of(uint32_t unit) {
  return size_t{unit >> 10} << ((unit & (1u << 9)) >> 6);
}

// Calls `take` with each grapheme cluster of `text`.
template <typename Take>
void for_each_cluster(std::string_view text, const Take& take) {
  UErrorCode error = U_ZERO_ERROR;
  const std::unique_ptr<icu::BreakIterator> clusters(
      icu::BreakIterator::createCharacterInstance(icu::Locale::getRoot(), error));
  UText input = UTEXT_INITIALIZER;
  utext_openUTF8(&input, text.data(), static_cast<int64_t>(text.size()), &error);
  check(U_SUCCESS(error), "ICU cannot find the characters of a text: {}", u_errorName(error));
  clusters->setText(&input, error);
  for (int32_t begin = clusters->first(), end = clusters->next(); end != icu::BreakIterator::DONE;
       begin = std::exchange(end, clusters->next())) {
    take(text.substr(static_cast<size_t>(begin), static_cast<size_t>(end - begin)));
  }
  utext_close(&input);
}

}  // namespace

CharsMap::CharsMap(std::string_view bytes, const std::string& name) {
  if (bytes.empty()) return;
  uint32_t array_bytes = 0;
  const bool has_size = bytes.size() > sizeof(array_bytes);
  if (has_size) std::memcpy(&array_bytes, bytes.data(), sizeof(array_bytes));
  require<DamageError>(
      has_size && array_bytes < bytes.size() - sizeof(array_bytes) && array_bytes % sizeof(uint32_t) == 0,
      "{} is damaged: its normalization has {} bytes, which is too few", name, bytes.size());
  bytes.remove_prefix(sizeof(array_bytes));
  units_.resize(array_bytes / sizeof(uint32_t));
  if (!units_.empty()) std::memcpy(units_.data(), bytes.data(), array_bytes);
  texts_ = bytes.substr(array_bytes);
}

// In a damaged array a path may lead anywhere; beyond its end there is no entry.
std::optional<std::string_view> CharsMap::replacement(std::string_view text) const {
  if (units_.empty()) return std::nullopt;
  size_t place = offset_of(units_[0]);
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    place ^= byte;
    if (byte == 0 || place >= units_.size()) return std::nullopt;
    const auto unit = units_[place];
    if ((unit & (1u << 31 | 0xFF)) != byte) return std::nullopt;
    place ^= offset_of(unit);
    const bool has_leaf = (unit >> 8 & 1) != 0;
    if (!has_leaf) continue;
    const size_t at = place < units_.size() ? units_[place] & ~(1u << 31) : texts_.size();
    if (at >= texts_.size()) return std::nullopt;
    return std::string_view(texts_).substr(at, texts_.find('\0', at) - at);
  }
  return std::nullopt;
}

void CharsMap::append(std::string_view cluster, std::string& out) const {
  constexpr size_t kShortBytes = 6;
  if (const auto found = cluster.size() < kShortBytes ? replacement(cluster) : std::nullopt) {
    out += *found;
    return;
  }
  for (size_t begin = 0, end = 0; begin < cluster.size(); begin = end) {
    UChar32 character = 0;
    U8_NEXT(cluster.data(), end, cluster.size(), character);
    const auto bytes = cluster.substr(begin, end - begin);
    out += replacement(bytes).value_or(u_isUWhiteSpace(character) ? " " : bytes);
  }
}

std::string CharsMap::normalize(std::string_view text) const {
  std::string out;
  for_each_cluster(text, [&](std::string_view cluster) { append(cluster, out); });
  return out;
}

}  // namespace fgm
