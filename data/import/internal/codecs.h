#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include "data/import/image_decoder.h"
#include "data/import/internal/color_profile.h"

namespace fgm {

// All throw IoError; see decode_image() and num_pixels().
DecodedImage decode_jpeg(std::span<const std::byte> file);
DecodedImage decode_png(std::span<const std::byte> file);
using ImageSize = std::pair<int64_t, int64_t>;  // width and height, as the header says
ImageSize jpeg_size(std::span<const std::byte> file);
ImageSize png_size(std::span<const std::byte> file);

// What becomes of decoded pixels, [H, W, 4] of kCmyk, else [H, W, 3], in the colours of `profile`, an ICC profile.
// Pixels without a profile (an empty one) are taken as sRGB, and only CMYK is converted.
DecodedImage in_srgb(at::Tensor pixels, std::span<const std::byte> profile, ColorModel color_model);

// The EXIF orientation 1 to 8 of a TIFF block, with or without "Exif\0\0" before it; 1 when it is absent or damaged
// (CIPA DC-008, section 4.6.5.1, tag 0x0112).
int exif_orientation(std::span<const std::byte> exif);

// Turns [H, W, 3] upright: orientation 1 leaves it, 3 turns it by 180 degrees, 6 by 90 clockwise, and so on.
at::Tensor apply_orientation(const at::Tensor& image_HWC, int orientation);

}  // namespace fgm
