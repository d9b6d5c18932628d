#include "data/store/internal/rows.h"

#include <fmt/ranges.h>

#include "core/base/error.h"
#include "core/base/hash.h"

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

}  // namespace fgm
