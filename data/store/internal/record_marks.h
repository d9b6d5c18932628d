#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/base/hash.h"
#include "data/hdf5/h5_file.h"
#include "data/store/positioned_file.h"

namespace fgm {

// XXH3-64 of a record's bytes, one row behind the other.
uint64_t digest_of_record(std::span<const std::byte> record);

// What a store keeps of each record beside its bytes: their digest, and whether they are written. A file may lack either:
// a store of images is written at once, and older ones have no digest a record. `data`, everywhere, is the store's file.
// Any number of threads may use it at once, each with records of its own.
class RecordMarks {
 public:
  RecordMarks() = default;
  // Of uint64 and of uint8, one row a record; an extent without bytes is one that the file lacks.
  RecordMarks(H5Extent digests, H5Extent done);

  bool has_digests() const { return digests_.bytes > 0; }
  const H5Extent& digests() const { return digests_; }
  const H5Extent& done() const { return done_; }

  // False when the digest disagrees.
  bool matches(const PositionedFile& data, int64_t index, std::span<const std::byte> record) const;
  void write_digest(const PositionedFile& data, int64_t index, std::span<const std::byte> record) const;
  // For each of the records [begin, end), whether it is written.
  std::vector<bool> done(const PositionedFile& data, int64_t begin, int64_t end) const;
  int64_t count_done(const PositionedFile& data) const;  // needs the map
  void set_done(const PositionedFile& data, int64_t index) const;

 private:
  H5Extent digests_, done_;
};

// Adds the bytes of an extent, which may be larger than the memory.
void add_extent(Digest& digest, const PositionedFile& data, const H5Extent& extent);

}  // namespace fgm
