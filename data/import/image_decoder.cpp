#include "data/import/image_decoder.h"

#include "core/base/error.h"
#include "data/import/internal/codecs.h"
#include "data/import/internal/color_profile.h"
#include "data/import/internal/image_format.h"

namespace fgm {
namespace {

bool is_jpeg(std::span<const std::byte> file) {
  const auto format = image_format(file);
  if (format == "JPEG" || format == "PNG") return format == "JPEG";
  if (file.empty()) throw IoError("the file is empty");
  if (format.empty()) throw IoError("neither JPEG nor PNG");
  throw IoError(fmt::format("{} by its first bytes; convert it to PNG or JPEG", format));
}

}  // namespace

DecodedImage decode_image(std::span<const std::byte> file) {
  return is_jpeg(file) ? decode_jpeg(file) : decode_png(file);
}

int64_t num_pixels(std::span<const std::byte> file) {
  return is_jpeg(file) ? num_jpeg_pixels(file) : num_png_pixels(file);
}

DecodedImage in_srgb(at::Tensor pixels, std::span<const std::byte> profile, bool is_grey) {
  DecodedImage image{.pixels = std::move(pixels)};
  if (profile.empty()) return image;
  const auto use = convert_to_srgb(image.pixels, profile, is_grey);
  image.is_converted = use == ProfileUse::kConverted;
  image.is_profile_unusable = use == ProfileUse::kUnusable;
  return image;
}

int64_t checked_num_pixels(std::string_view format, int64_t width, int64_t height) {
  require<IoError>(width > 0 && height > 0, "{}: {} x {} pixels", format, width, height);
  require<IoError>(height <= kMaxPixels / width, "{}: {} x {} pixels are more than {}", format, width, height,
                   kMaxPixels);
  return width * height;
}

}  // namespace fgm
