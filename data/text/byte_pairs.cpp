#include "data/text/internal/byte_pairs.h"

#include <algorithm>
#include <numeric>
#include <queue>
#include <tuple>

#include "core/base/error.h"
#include "core/base/text.h"

namespace fgm {
namespace {

bool is_visible(int byte) {
  return (byte > 0x20 && byte < 0x7F) || (byte > 0xA0 && byte != 0xAD);
}

// UTF-8 of a character below U+0800.
std::string utf8(int character) {
  if (character < 0x80) return {static_cast<char>(character)};
  return {static_cast<char>(0xC0 | character >> 6), static_cast<char>(0x80 | (character & 0x3F))};
}

uint64_t key_of(int64_t left, int64_t right) {
  return static_cast<uint64_t>(left) << 32 | static_cast<uint64_t>(right);
}

}  // namespace

const std::array<std::string, 256>& byte_symbols() {
  static const auto kSymbols = [] {
    std::array<std::string, 256> symbols;
    int next = 256;
    for (int byte = 0; byte < 256; ++byte) symbols[static_cast<size_t>(byte)] = utf8(is_visible(byte) ? byte : next++);
    return symbols;
  }();
  return kSymbols;
}

std::vector<uint8_t> bytes_in_order() {
  std::vector<uint8_t> bytes(256);
  std::iota(bytes.begin(), bytes.end(), uint8_t{0});
  std::ranges::stable_partition(bytes, is_visible);
  return bytes;
}

BytePairs::BytePairs(const BytePairVocabulary& vocabulary, int64_t unknown, const std::string& name) {
  const auto& ids = vocabulary.ids;
  const auto id_or_unknown = [&](const std::string& token) {
    const auto found = ids.find(token);
    return found == ids.end() ? unknown : found->second;
  };
  for (size_t byte = 0; byte < 256; ++byte) {
    inner_[byte] = id_or_unknown(byte_symbols()[byte]);
    last_[byte] = id_or_unknown(byte_symbols()[byte] + "</w>");
  }
  uint32_t rank = 0;
  for (const auto& [left, right] : vocabulary.merges) {
    for (const auto& token : {left, right, left + right}) {
      require<ConfigError>(ids.contains(token), "{}: the merge of '{}' and '{}' needs '{}', which the vocabulary lacks",
                           name, printable(left), printable(right), printable(token));
    }
    merges_.insert_or_assign(key_of(ids.at(left), ids.at(right)), Merge{rank++, ids.at(left + right)});
  }
}

const BytePairs::Merge* BytePairs::find(int64_t left, int64_t right) const {
  const auto found = merges_.find(key_of(left, right));
  return found == merges_.end() ? nullptr : &found->second;
}

void BytePairs::encode(std::string_view word, std::vector<int64_t>& ids) const {
  struct Symbol {
    int64_t id;
    size_t before, after;
  };
  const size_t end = word.size();
  std::vector<Symbol> symbols;  // a chain; what was joined to its left neighbour has id -1
  for (size_t i = 0; i < end; ++i) {
    const auto byte = static_cast<uint8_t>(word[i]);
    symbols.push_back({i + 1 == end ? last_[byte] : inner_[byte], i == 0 ? end : i - 1, i + 1});
  }
  using Candidate = std::tuple<uint32_t, size_t, int64_t>;  // rank, place of the left one, id of both
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> candidates;
  const auto consider = [&](size_t left) {
    if (left == end || symbols[left].after == end) return;
    const auto* merge = find(symbols[left].id, symbols[symbols[left].after].id);
    if (merge != nullptr) candidates.emplace(merge->rank, left, merge->id);
  };
  for (size_t i = 0; i < end; ++i) consider(i);
  while (!candidates.empty()) {
    const auto [rank, place, id] = candidates.top();
    candidates.pop();
    auto& left = symbols[place];
    if (left.id < 0 || left.after == end) continue;
    const auto* merge = find(left.id, symbols[left.after].id);
    if (merge == nullptr || merge->id != id) continue;  // one of the two has been joined to another one since
    auto& right = symbols[left.after];
    left = {id, left.before, right.after};
    right.id = -1;
    if (left.after != end) symbols[left.after].before = place;
    consider(left.before);
    consider(place);
  }
  for (const auto& symbol : symbols) {
    if (symbol.id >= 0) ids.push_back(symbol.id);
  }
}

}  // namespace fgm
