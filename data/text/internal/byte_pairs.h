#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace fgm {

// The tokens of a byte-pair encoding by their ids, and its merges in their order.
struct BytePairVocabulary {
  std::map<std::string, int64_t> ids;
  std::vector<std::pair<std::string, std::string>> merges;
};

// The visible character that stands for each byte in the vocabulary's files, as GPT-2 has them.
const std::array<std::string, 256>& byte_symbols();
// The bytes in the order of their ids in CLIP's vocabulary.
std::vector<uint8_t> bytes_in_order();

// Byte-pair encoding of words, whose last byte bears the mark </w> (Sennrich et al., arXiv 1508.07909), as the library
// tokenizers does it: of all pairs of neighbours that a merge knows the earliest merge's is joined, the leftmost first,
// until no merge knows any.
class BytePairs {
 public:
  // `unknown` is the id of a byte that the vocabulary lacks. ConfigError naming `name` where it lacks a merge's token.
  BytePairs(const BytePairVocabulary& vocabulary, int64_t unknown, const std::string& name);

  // Appends the ids of `word`, which is not empty.
  void encode(std::string_view word, std::vector<int64_t>& ids) const;

 private:
  struct Merge {
    uint32_t rank = 0;
    int64_t id = 0;
  };
  const Merge* find(int64_t left, int64_t right) const;

  std::array<int64_t, 256> inner_{}, last_{};
  std::unordered_map<uint64_t, Merge> merges_;
};

}  // namespace fgm
