#include <png.h>

#include "core/base/error.h"
#include "data/import/image_decoder.h"
#include "data/import/internal/codecs.h"

namespace fgm {
namespace {

// Frees what libpng holds for an image whose reading was begun.
struct PngImage {
  png_image image{};
  PngImage() { image.version = PNG_IMAGE_VERSION; }
  ~PngImage() { png_image_free(&image); }
  PngImage(const PngImage&) = delete;
  PngImage& operator=(const PngImage&) = delete;
};

}  // namespace

at::Tensor decode_png(std::span<const std::byte> file) {
  PngImage png;
  auto& image = png.image;
  require<IoError>(png_image_begin_read_from_memory(&image, file.data(), file.size()) != 0, "PNG: {}", image.message);
  const int64_t height = image.height, width = image.width;
  require<IoError>(height <= kMaxPixels / width, "PNG: {} x {} pixels are more than {}", width, height, kMaxPixels);
  image.format = PNG_FORMAT_RGB;
  // 16-bit files without a gamma are sRGB in practice; libpng would take them for linear light.
  image.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
  const png_color white{255, 255, 255};
  const auto pixels = at::empty({height, width, 3}, at::kByte);
  require<IoError>(png_image_finish_read(&image, &white, pixels.data_ptr<uint8_t>(), 0, nullptr) != 0, "PNG: {}",
                   image.message);
  return pixels;
}

}  // namespace fgm
