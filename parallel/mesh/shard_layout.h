#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/base/range.h"

namespace fgm {

// The part of one parameter that a shard holds, in elements.
struct ParameterSlice {
  size_t parameter = 0;  // index in the unit
  int64_t begin = 0;     // elements [begin, begin + count) of the parameter, flattened in row-major order
  int64_t count = 0;
  int64_t shard_offset = 0;  // where they lie in the shard
};

// How the parameters of a unit lie in one flat buffer, and who owns which elements of it.
// Parameters follow each other, each from a 64-byte boundary; the end is padded to num_shards x 64 bytes; shard r is
// the r-th of num_shards equal pieces. A boundary between shards may cut a parameter. With one shard this is the
// unsharded layout.
class UnitLayout {
 public:
  // `numels`: elements of each parameter. `element_bytes` divides 64.
  UnitLayout(const std::vector<int64_t>& numels, int64_t element_bytes, int num_shards);

  int64_t numel() const { return shard_numel_ * num_shards_; }  // of the whole buffer, padding included
  int64_t shard_numel() const { return shard_numel_; }
  int64_t bytes() const { return numel() * element_bytes_; }
  int64_t shard_bytes() const { return shard_numel() * element_bytes_; }
  int64_t offset(size_t parameter) const { return extents_[parameter].begin; }

  // In the order of the parameters. The slices of all shards together are every element of every parameter once.
  std::vector<ParameterSlice> slices(int shard) const;

 private:
  std::vector<Range> extents_;  // of each parameter in the buffer
  int64_t element_bytes_;
  int num_shards_;
  int64_t shard_numel_ = 0;
};

}  // namespace fgm
