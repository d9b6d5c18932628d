#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

#include "core/base/error.h"
#include "core/base/text.h"
#include "data/text/internal/sentencepiece_model.h"

namespace fgm {
namespace {

// The double array of a charsmap as Darts-clone lays it out (S. Yata), and the texts behind it.
class CharsMap {
 public:
  // Nothing when the parts do not fit.
  static bool is_sound(std::string_view bytes) {
    uint32_t array_bytes = 0;
    if (bytes.size() <= sizeof(array_bytes)) return false;
    std::memcpy(&array_bytes, bytes.data(), sizeof(array_bytes));
    bytes.remove_prefix(sizeof(array_bytes));
    if (array_bytes >= bytes.size() || array_bytes % sizeof(uint32_t) != 0) return false;
    return CharsMap(bytes.substr(0, array_bytes), bytes.substr(array_bytes)).is_sound();
  }

 private:
  static constexpr size_t kNumLabels = 256;
  static constexpr int kMaxMatches = 32;  // the library's own room for the entries that begin one text

  CharsMap(std::string_view array, std::string_view texts) : units_(array.size() / sizeof(uint32_t)), texts_(texts) {
    std::memcpy(units_.data(), array.data(), array.size());
  }

  static size_t offset(uint32_t unit) { return size_t{unit >> 10} << ((unit & (1u << 9)) >> 6); }
  static bool has_leaf(uint32_t unit) { return (unit >> 8 & 1) != 0; }

  bool leads_to_text(uint32_t unit) const {
    const size_t at = unit & ~(1u << 31);
    return at < texts_.size() && (texts_[at] & 0xC0) != 0x80;
  }

  // Follows every path that some text may take. A node is visited again only by a path with more entries on it, so
  // this ends where the array has circles, too.
  bool is_sound() const {
    if (units_.empty() || texts_.back() != '\0' || !is_utf8(texts_)) return false;
    struct Node {
      size_t base;
      int num_matches;
    };
    std::vector<int> most_matches(units_.size(), -1);
    std::vector<Node> open = {{offset(units_[0]), 0}};
    while (!open.empty()) {
      const auto [base, num_matches] = open.back();
      open.pop_back();
      if ((base | (kNumLabels - 1)) >= units_.size() || num_matches > kMaxMatches) return false;
      if (most_matches[base] >= num_matches) continue;
      most_matches[base] = num_matches;
      for (size_t label = 0; label < kNumLabels; ++label) {
        const size_t child = base ^ label;
        const auto unit = units_[child];
        if ((unit & (1u << 31 | 0xFF)) != label) continue;
        const size_t next = child ^ offset(unit);
        if (has_leaf(unit) && (next >= units_.size() || !leads_to_text(units_[next]))) return false;
        open.push_back({next, num_matches + (has_leaf(unit) ? 1 : 0)});
      }
    }
    return true;
  }

  std::vector<uint32_t> units_;
  std::string_view texts_;
};

}  // namespace

void require_sound(const SentencepieceModel& model, const std::string& name) {
  constexpr size_t kMaxPieceBytes = 1024;  // T5's longest has 16 characters
  std::set<std::string_view> seen;
  int64_t num_unknown = 0, num_normal = 0;
  for (const auto& piece : model.pieces) {
    const auto text = printable(piece.text);
    require<DamageError>(!piece.text.empty() && piece.text.size() <= kMaxPieceBytes && is_utf8(piece.text) &&
                             piece.text.find('\0') == piece.text.npos,
                         "{} is damaged: '{}' is no piece", name, text);
    require<DamageError>(std::isfinite(piece.score), "{} is damaged: piece '{}' has the score {}", name, text,
                         piece.score);
    require<DamageError>(seen.insert(piece.text).second, "{} is damaged: piece '{}' is there twice", name, text);
    num_unknown += piece.type == SentencepieceModel::kUnknown ? 1 : 0;
    num_normal += piece.type == SentencepieceModel::kNormal ? 1 : 0;
  }
  require<DamageError>(
      num_unknown == 1 && num_normal > 0,
      "{} is cut or no model of sentencepiece: it has {} pieces and {} unknown ones, which should be one", name,
      num_normal, num_unknown);
  require<DamageError>(model.charsmap.empty() || CharsMap::is_sound(model.charsmap),
                       "{} is damaged: the double array of its normalization leads beyond its end", name);
}

}  // namespace fgm
