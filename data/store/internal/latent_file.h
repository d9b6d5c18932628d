#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "data/hdf5/h5_file.h"
#include "data/store/internal/record_marks.h"
#include "data/store/latent_info.h"
#include "data/store/positioned_file.h"

namespace fgm {

// The dataset of a bucket.
std::string latents_dataset(const LatentBucket& bucket);

// A file of latents, finished or not, whose bytes are read and written at their place. Any number of threads may use it
// at once, each with records of its own.
class LatentFile {
 public:
  // IoError when the file is no store of latents, or its datasets do not fit together.
  explicit LatentFile(const std::filesystem::path& path, Access access = Access::kRead);

  int64_t size() const { return info_.size(); }
  const LatentInfo& info() const { return info_; }  // num_done is not counted
  const PositionedFile& data() const { return data_; }
  std::vector<H5Extent> values() const;  // of all datasets

  size_t record_bytes(int64_t index) const { return row_bytes(info_.bucket_of(index)); }
  size_t most_bytes() const;  // of a record
  // Fills the first bytes of `record` with a record's. False when its digest disagrees.
  bool read(int64_t index, std::span<std::byte> record) const;
  // Writes a record's bytes and its digest.
  void write(int64_t index, std::span<const std::byte> record) const;
  // For each of the records [begin, end), whether it is written.
  std::vector<bool> done(int64_t begin, int64_t end) const { return marks_.done(data_, begin, end); }
  void set_done(int64_t index) const { marks_.set_done(data_, index); }
  int64_t count_done() const { return marks_.count_done(data_); }
  // 32 hexadecimal digits over the digests of all records and their sizes.
  std::string digest() const;

 private:
  size_t row_bytes(size_t bucket) const { return rows_[bucket].bytes / static_cast<size_t>(rows_[bucket].shape[0]); }
  uint64_t offset_of(int64_t index) const;

  PositionedFile data_;
  LatentInfo info_;
  std::vector<H5Extent> rows_;   // of each bucket
  std::vector<int64_t> begins_;  // the first record of each bucket
  RecordMarks marks_;
  H5Extent blob_, offsets_, lengths_, hashes_;
};

}  // namespace fgm
