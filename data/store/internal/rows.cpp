#include "data/store/internal/rows.h"

#include <fmt/ranges.h>

#include <utility>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "data/store/internal/prompt_table.h"

namespace fgm {

H5Extent read_extent(const H5File& file, const layout::Rows& rows, const std::string& name, int64_t num_prompts) {
  auto extent = file.extent(rows.name, rows.element);
  const auto& shape = extent.shape;
  require<IoError>(shape.size() == 4 && shape[0] == num_prompts && extent.bytes > 0,
                   "'{}': expected {} of shape [{}, {}], one for each prompt, found [{}]", name, rows.name, num_prompts,
                   rows.element == H5Element::kUint8 ? "H, W, C" : "C, H, W", fmt::join(shape, ", "));
  return extent;
}

std::optional<std::string> problem_of_rows(const PositionedFile& data, const layout::Rows& rows, const H5Extent& extent,
                                           const std::string& expected) {
  Digest digest;
  add_extent(digest, data, extent);
  if (digest.hex() == expected) return std::nullopt;
  return fmt::format("the {}' digest is {}, expected {}; they are damaged, copy or make the store again", rows.name,
                     digest.hex(), expected);
}

RowsFile::RowsFile(const std::filesystem::path& path, const layout::Rows& rows) : rows_(rows), data_(path) {
  const auto name = path.string();
  const auto file = H5File::open_read_only(path);
  extent_ = read_extent(file, rows, name, PromptTable(file, name).size());
  expected_ = file.string_attribute(rows.digest);
  if (!file.has_dataset(rows.row_digests)) return;
  auto digests = file.extent(rows.row_digests, H5Element::kUint64);
  require<IoError>(digests.shape == std::vector{size()}, "'{}': expected {} digests in {}, found {}", name, size(),
                   rows.row_digests, fmt::join(digests.shape, " x "));
  marks_ = {std::move(digests), {}};
}

bool RowsFile::read(int64_t index, std::span<std::byte> row) const {
  data_.read(extent_.offset + static_cast<uint64_t>(index) * most_bytes(), row);
  return marks_.matches(data_, index, row);
}

std::optional<std::string> RowsFile::problem() const {
  return problem_of_rows(data_, rows_, extent_, expected_);
}

}  // namespace fgm
