#include <algorithm>
#include <optional>
#include <string_view>

#include "data/import/internal/codecs.h"

namespace fgm {
namespace {

// Integers of a TIFF block at any offset; nothing where the block ends before.
class TiffBytes {
 public:
  explicit TiffBytes(std::span<const std::byte> bytes) : bytes_(bytes) {}

  void set_big_endian(bool is_big_endian) { is_big_endian_ = is_big_endian; }

  std::optional<uint32_t> integer(size_t offset, size_t size) const {
    if (offset > bytes_.size() || bytes_.size() - offset < size) return std::nullopt;
    uint32_t value = 0;
    for (size_t i = 0; i < size; ++i) {
      const size_t at = offset + (is_big_endian_ ? i : size - 1 - i);
      value = value << 8 | std::to_integer<uint32_t>(bytes_[at]);
    }
    return value;
  }

 private:
  std::span<const std::byte> bytes_;
  bool is_big_endian_ = false;
};

bool starts_with(std::span<const std::byte> bytes, std::string_view magic) {
  const auto expected = std::as_bytes(std::span(magic));
  return bytes.size() >= expected.size() && std::equal(expected.begin(), expected.end(), bytes.begin());
}

}  // namespace

int exif_orientation(std::span<const std::byte> exif) {
  constexpr std::string_view kExif("Exif\0\0", 6);
  constexpr uint32_t kOrientationTag = 0x0112;
  constexpr size_t kEntryBytes = 12, kValueOffset = 8;
  const auto tiff = starts_with(exif, kExif) ? exif.subspan(kExif.size()) : exif;
  if (!starts_with(tiff, "MM") && !starts_with(tiff, "II")) return 1;
  TiffBytes bytes(tiff);
  bytes.set_big_endian(starts_with(tiff, "MM"));
  const size_t directory = bytes.integer(4, 4).value_or(0);
  const size_t num_entries = bytes.integer(directory, 2).value_or(0);
  for (size_t i = 0; i < num_entries; ++i) {
    const size_t entry = directory + 2 + i * kEntryBytes;
    const auto tag = bytes.integer(entry, 2);
    if (!tag) return 1;
    if (*tag != kOrientationTag) continue;
    const auto value = bytes.integer(entry + kValueOffset, 2).value_or(1);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

at::Tensor apply_orientation(const at::Tensor& image_HWC, int orientation) {
  // 5 to 8 store the columns of the upright image as rows.
  auto upright = orientation >= 5 ? image_HWC.transpose(0, 1) : image_HWC;
  const bool flips_rows = orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8;
  const bool flips_columns = orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7;
  if (flips_rows) upright = upright.flip(0);
  if (flips_columns) upright = upright.flip(1);
  return upright.contiguous();
}

}  // namespace fgm
