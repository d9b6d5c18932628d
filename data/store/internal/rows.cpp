#include "data/store/internal/rows.h"

#include <fmt/ranges.h>

#include <algorithm>

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
  constexpr uint64_t kChunkBytes = uint64_t{4} << 20;
  Digest digest;
  std::vector<std::byte> chunk(kChunkBytes);
  for (uint64_t begin = 0; begin < extent.bytes; begin += kChunkBytes) {
    const auto part = std::span(chunk).first(std::min(kChunkBytes, extent.bytes - begin));
    data.read(extent.offset + begin, part);
    digest.update(part);
  }
  if (digest.hex() == expected) return std::nullopt;
  return fmt::format("the {}' digest is {}, expected {}; they are damaged, copy or make the store again", rows.name,
                     digest.hex(), expected);
}

uint64_t digest_of_row(std::span<const std::byte> row) {
  return hash64({reinterpret_cast<const char*>(row.data()), row.size()});
}

RowsFile::RowsFile(const std::filesystem::path& path, const layout::Rows& rows) : rows_(rows), data_(path) {
  const auto name = path.string();
  const auto file = H5File::open_read_only(path);
  extent_ = read_extent(file, rows, name, PromptTable(file, name).size());
  expected_ = file.string_attribute(rows.digest);
  if (!file.has_dataset(rows.row_digests)) return;
  digests_ = file.extent(rows.row_digests, H5Element::kUint64);
  require<IoError>(digests_.shape == std::vector{size()}, "'{}': expected {} digests in {}, found {}", name, size(),
                   rows.row_digests, fmt::join(digests_.shape, " x "));
}

bool RowsFile::read(int64_t index, std::span<std::byte> row) const {
  data_.read(extent_.offset + static_cast<uint64_t>(index) * most_bytes(), row);
  if (!has_row_digests()) return true;
  uint64_t digest = 0;
  data_.read(digests_.offset + static_cast<uint64_t>(index) * sizeof(digest),
             std::as_writable_bytes(std::span(&digest, 1)));
  return digest_of_row(row) == digest;
}

std::optional<std::string> RowsFile::problem() const {
  return problem_of_rows(data_, rows_, extent_, expected_);
}

}  // namespace fgm
