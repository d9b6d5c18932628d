#include "data/import/image_decoder.h"

#include "core/base/error.h"
#include "data/import/internal/codecs.h"
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

DecodedImage decode_image(std::span<const std::byte> file, int64_t max_pixels) {
  num_pixels(file, max_pixels);
  return is_jpeg(file) ? decode_jpeg(file) : decode_png(file);
}

int64_t num_pixels(std::span<const std::byte> file, int64_t max_pixels) {
  const auto [width, height] = is_jpeg(file) ? jpeg_size(file) : png_size(file);
  const auto* format = is_jpeg(file) ? "JPEG" : "PNG";
  require<IoError>(width > 0 && height > 0, "{}: {} x {} pixels", format, width, height);
  require<IoError>(height <= max_pixels / width, "{}: {} x {} pixels are more than {} (--max-pixels)", format, width,
                   height, max_pixels);
  return width * height;
}

DecodedImage in_srgb(at::Tensor pixels, std::span<const std::byte> profile, ColorModel color_model) {
  DecodedImage image{.pixels = std::move(pixels)};
  const auto use = profile.empty() ? ProfileUse::kSrgb : convert_to_srgb(image.pixels, profile, color_model);
  image.is_converted = use == ProfileUse::kConverted || color_model == ColorModel::kCmyk;
  image.is_profile_unusable = use == ProfileUse::kUnusable;
  if (image.pixels.size(2) == 4) image.pixels = cmyk_to_rgb(image.pixels);
  return image;
}

}  // namespace fgm
