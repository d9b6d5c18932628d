#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/hdf5/h5_file.h"
#include "data/store/internal/layout.h"
#include "data/store/internal/record_marks.h"
#include "data/store/positioned_file.h"

namespace fgm {

// Where images or samples lie. IoError naming the file `name` unless there is one of a sensible shape for each prompt.
H5Extent read_extent(const H5File& file, const layout::Rows& rows, const std::string& name, int64_t num_prompts);

// Reads them all. What is wrong with them, and what to do, when their digest is not `expected`.
std::optional<std::string> problem_of_rows(const PositionedFile& data, const layout::Rows& rows, const H5Extent& extent,
                                           const std::string& expected);

// Images or samples, which are read at their place. Any number of threads may read at once.
class RowsFile {
 public:
  // IoError as read_extent()'s.
  RowsFile(const std::filesystem::path& path, const layout::Rows& rows);

  int64_t size() const { return extent_.shape[0]; }
  const PositionedFile& data() const { return data_; }
  std::vector<int64_t> row_shape() const { return {extent_.shape.begin() + 1, extent_.shape.end()}; }
  size_t most_bytes() const { return extent_.bytes / static_cast<size_t>(size()); }  // of a row: all are alike
  bool has_row_digests() const { return marks_.has_digests(); }
  std::vector<bool> done(int64_t begin, int64_t end) const { return marks_.done(data_, begin, end); }
  // Fills `row`. False when its digest disagrees; a file without them has none that does.
  bool read(int64_t index, std::span<std::byte> row) const;
  // problem_of_rows() of the whole file.
  std::optional<std::string> problem() const;

 private:
  layout::Rows rows_;
  PositionedFile data_;
  H5Extent extent_;
  RecordMarks marks_;
  std::string expected_;
};

}  // namespace fgm
