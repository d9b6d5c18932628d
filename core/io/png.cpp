#include "core/io/png.h"

#include <png.h>

#include <string>

#include "core/base/error.h"
#include "core/io/file.h"

namespace fgm {
namespace {

constexpr int kGapGrey = 200;
constexpr int64_t kLegibleSide = 96;

std::string encode(const at::Tensor& image_HWC) {
  png_image header{};
  header.version = PNG_IMAGE_VERSION;
  header.format = PNG_FORMAT_RGB;
  header.height = static_cast<png_uint_32>(image_HWC.size(0));
  header.width = static_cast<png_uint_32>(image_HWC.size(1));
  const auto* pixels = image_HWC.const_data_ptr<uint8_t>();

  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(header);
  std::string bytes(size, '\0');
  const bool is_encoded = png_image_write_to_memory(&header, bytes.data(), &size, 0, pixels, 0, nullptr) != 0;
  require<IoError>(is_encoded, "cannot encode a PNG of {} x {} pixels: {}", image_HWC.size(1), image_HWC.size(0),
                   header.message);
  bytes.resize(size);
  return bytes;
}

}  // namespace

void write_png(const std::filesystem::path& path, const at::Tensor& image_HWC) {
  check(image_HWC.dim() == 3 && image_HWC.size(2) == 3 && image_HWC.scalar_type() == at::kByte && image_HWC.numel() > 0,
        "write_png wants a non-empty uint8 [H, W, 3] image, got {}", fmt::join(image_HWC.sizes(), " x "));
  write_file(path, encode(image_HWC.cpu().contiguous()));
}

at::Tensor image_grid(const at::Tensor& images_NHWC, int64_t columns, int64_t gap) {
  check(images_NHWC.dim() == 4 && images_NHWC.size(0) > 0 && columns > 0 && gap >= 0,
        "image_grid wants images [N, H, W, 3], columns > 0");
  const int64_t scale = std::max<int64_t>(1, kLegibleSide / std::max(images_NHWC.size(1), images_NHWC.size(2)));
  const auto large = images_NHWC.cpu().repeat_interleave(scale, 1).repeat_interleave(scale, 2);
  const int64_t count = large.size(0), height = large.size(1), width = large.size(2);
  const int64_t rows = (count + columns - 1) / columns;
  auto grid = at::full({rows * (height + gap) - gap, columns * (width + gap) - gap, 3}, kGapGrey, at::kByte);
  for (int64_t i = 0; i < count; ++i) {
    grid.narrow(0, i / columns * (height + gap), height).narrow(1, i % columns * (width + gap), width).copy_(large[i]);
  }
  return grid;
}

}  // namespace fgm
