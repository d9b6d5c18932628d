#pragma once

#include <algorithm>
#include <cstdint>

namespace fgm {

// The consecutive elements (of a tensor's row-major flattening) or rows [begin, end).
struct Range {
  int64_t begin = 0;
  int64_t end = 0;

  int64_t size() const { return end - begin; }
  bool operator==(const Range&) const = default;
};

// What both hold; where they share nothing, a range of size 0.
inline Range intersection(const Range& a, const Range& b) {
  const int64_t begin = std::max(a.begin, b.begin);
  return {begin, std::max(begin, std::min(a.end, b.end))};
}

}  // namespace fgm
