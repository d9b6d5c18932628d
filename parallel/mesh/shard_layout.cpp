#include "parallel/mesh/shard_layout.h"

#include "core/base/error.h"

namespace fgm {
namespace {

constexpr int64_t kAlignmentBytes = 64;  // one cache line, and one AVX-512 register

int64_t round_up(int64_t value, int64_t step) {
  return (value + step - 1) / step * step;
}

}  // namespace

UnitLayout::UnitLayout(const std::vector<int64_t>& numels, int64_t element_bytes, int num_shards)
    : element_bytes_(element_bytes), num_shards_(num_shards) {
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
  const Range whole{shard * shard_numel_, (shard + 1) * shard_numel_};
  std::vector<ParameterSlice> found;
  for (size_t i = 0; i < extents_.size(); ++i) {
    const Range held = intersection(extents_[i], whole);
    if (held.size() == 0) continue;
    found.push_back({.parameter = i,
                     .begin = held.begin - extents_[i].begin,
                     .count = held.size(),
                     .shard_offset = held.begin - whole.begin});
  }
  return found;
}

}  // namespace fgm
