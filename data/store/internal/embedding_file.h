#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/hdf5/h5_file.h"
#include "data/store/embedding_store.h"
#include "data/store/internal/record_marks.h"
#include "data/store/positioned_file.h"

namespace fgm {

// Where the rows of a record lie one behind the other: CLIP's, T5's, pooled.
struct RecordBytes {
  size_t clip = 0, t5 = 0, pooled = 0;
  size_t total() const { return clip + t5 + pooled; }
};
RecordBytes record_bytes(const EmbeddingShape& shape, H5Element element);

at::ScalarType scalar_type(H5Element element);
H5Element float_element(at::ScalarType dtype);

// A file of embeddings, finished or not, whose bytes are read and written at their place. Any number of threads may use
// it at once, each with records of its own.
class EmbeddingFile {
 public:
  // IoError when the file is no store of embeddings, or its datasets do not fit together.
  explicit EmbeddingFile(const std::filesystem::path& path, Access access = Access::kRead);

  int64_t size() const { return info_.size; }
  const EmbeddingInfo& info() const { return info_; }  // num_done is not counted
  H5Element element() const { return element_; }
  RecordBytes record_bytes() const { return fgm::record_bytes(info_.shape, element_); }
  size_t record_bytes(int64_t) const { return record_bytes().total(); }  // all records are alike
  size_t most_bytes() const { return record_bytes().total(); }
  const PositionedFile& data() const { return data_; }
  // The extents of all datasets, for write_guard().
  std::vector<H5Extent> values() const;

  // EmbeddingStore's.
  std::array<ByteRange, 3> places_of(int64_t index) const;
  // Fills `record` with a record's bytes. False when its digest disagrees.
  bool read(int64_t index, std::span<std::byte> record) const;
  // Writes a record's bytes and its digest.
  void write(int64_t index, std::span<const std::byte> record) const;
  // For each of the records [begin, end), whether it is written.
  std::vector<bool> done(int64_t begin, int64_t end) const { return marks_.done(data_, begin, end); }
  void set_done(int64_t index) const { marks_.set_done(data_, index); }
  int64_t count_done() const { return marks_.count_done(data_); }

  // Of prompts that need not be loaded.
  uint64_t prompt_hash(int64_t index) const;
  std::string prompt(int64_t index) const;  // DamageError
  // Calls `see` for all records, with the hashes of their prompts or the digests of their embeddings.
  template <typename See>
  void each_prompt_hash(const See& see) const {
    each(hashes_, see);
  }
  template <typename See>
  void each_digest(const See& see) const {
    each(marks_.digests(), see);
  }

 private:
  uint64_t number(const H5Extent& table, int64_t index) const;
  std::vector<uint64_t> numbers(const H5Extent& table, int64_t begin, int64_t end) const;
  template <typename See>
  void each(const H5Extent& table, const See& see) const {
    constexpr int64_t kChunk = 1 << 16;
    for (int64_t begin = 0; begin < size(); begin += kChunk) {
      const auto chunk = numbers(table, begin, std::min(begin + kChunk, size()));
      for (size_t i = 0; i < chunk.size(); ++i) see(begin + static_cast<int64_t>(i), chunk[i]);
    }
  }

  PositionedFile data_;
  EmbeddingInfo info_;
  H5Element element_ = H5Element::kFloat32;
  H5Extent clip_, t5_, pooled_;
  RecordMarks marks_;
  H5Extent blob_, offsets_, lengths_, hashes_;
};

}  // namespace fgm
