#include "parallel/mesh/shard_layout.h"

#include <algorithm>

#include "core/base/error.h"

namespace fgm {
namespace {

constexpr int64_t kAlignmentBytes = 64;  // one cache line, and one AVX-512 register

int64_t round_up(int64_t value, int64_t step) {
  return (value + step - 1) / step * step;
}

}  // namespace

UnitLayout::UnitLayout(const std::vector<int64_t>& numels, int64_t element_bytes, int num_shards)
    : num_shards_(num_shards) {
  check(element_bytes > 0 && kAlignmentBytes % element_bytes == 0, "elements of {} bytes do not fill {} bytes",
        element_bytes, kAlignmentBytes);
  check(num_shards >= 1, "a unit cannot be cut into {} shards", num_shards);
  const int64_t alignment = kAlignmentBytes / element_bytes;
  int64_t end = 0;
  for (const int64_t numel : numels) {
    const int64_t begin = round_up(end, alignment);
    end = begin + numel;
    extents_.push_back({begin, end});
  }
  shard_numel_ = round_up(end, num_shards * alignment) / num_shards;
}

std::vector<ParameterSlice> UnitLayout::slices(int shard) const {
  const int64_t shard_begin = shard * shard_numel_, shard_end = shard_begin + shard_numel_;
  std::vector<ParameterSlice> found;
  for (size_t i = 0; i < extents_.size(); ++i) {
    const int64_t begin = std::max(extents_[i].begin, shard_begin);
    const int64_t end = std::min(extents_[i].end, shard_end);
    if (begin >= end) continue;
    found.push_back({.parameter = i,
                     .begin = begin - extents_[i].begin,
                     .count = end - begin,
                     .shard_offset = begin - shard_begin});
  }
  return found;
}

}  // namespace fgm
