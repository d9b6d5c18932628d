#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fgm {

// The normalization that sentencepiece compiles into a model: the size of a double array (Darts-clone) in bytes, that
// array, and the texts, each with a NUL behind it, to which its values lead.
class CharsMap {
 public:
  // Empty `bytes` have no entries. DamageError naming `name` when the parts do not fit.
  CharsMap(std::string_view bytes, const std::string& name);

  // As transformers applies it, which is not quite as sentencepiece does: a grapheme cluster of less than six bytes
  // becomes what the shortest entry that begins it says, so that a mark behind a character that has an entry is lost
  // where sentencepiece keeps it. In longer clusters each character is looked up by itself. White space without an
  // entry becomes a blank.
  std::string normalize(std::string_view text) const;

 private:
  std::optional<std::string_view> replacement(std::string_view text) const;
  void append(std::string_view cluster, std::string& out) const;

  std::vector<uint32_t> units_;
  std::string texts_;
};

}  // namespace fgm
