#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

namespace fgm {

// Draws files of a corpus, and damages them.
class Mutator {
 public:
  using Bytes = std::vector<uint8_t>;

  explicit Mutator(std::vector<Bytes> files) : files_(std::move(files)) {}

  const Bytes& pick() { return files_[below(files_.size())]; }

  // One to three small changes.
  void damage(Bytes& bytes) {
    for (size_t i = below(3); i < 3 && !bytes.empty(); ++i) mutate(bytes);
  }

  size_t below(size_t limit) { return random_() % limit; }

 private:
  void mutate(Bytes& bytes) {
    const auto at = bytes.begin() + static_cast<ptrdiff_t>(below(bytes.size()));
    const auto rest = static_cast<size_t>(bytes.end() - at);
    switch (below(5)) {
      case 0:
        *at ^= static_cast<uint8_t>(1u << below(8));
        break;
      case 1:
        *at = static_cast<uint8_t>("0123456789{}[],:\"-eE.\\"[below(22)]);
        break;
      case 2:
        bytes.erase(at, at + static_cast<ptrdiff_t>(1 + below(std::min<size_t>(rest, 16))));
        break;
      case 3: {
        const Bytes piece(at, at + static_cast<ptrdiff_t>(1 + below(std::min<size_t>(rest, 40))));
        bytes.insert(at, piece.begin(), piece.end());
        break;
      }
      default: {
        const Bytes& other = files_[below(files_.size())];
        const size_t from = below(other.size());
        bytes.insert(at, other.begin() + static_cast<ptrdiff_t>(from),
                     other.begin() + static_cast<ptrdiff_t>(std::min(other.size(), from + 40)));
      }
    }
  }

  std::vector<Bytes> files_;
  std::mt19937_64 random_{1};
};

}  // namespace fgm
