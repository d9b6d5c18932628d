#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "data/import/image_decoder.h"

namespace fgm {

// Both throw IoError; see decode_image() and num_pixels().
DecodedImage decode_jpeg(std::span<const std::byte> file);
DecodedImage decode_png(std::span<const std::byte> file);
int64_t num_jpeg_pixels(std::span<const std::byte> file);
int64_t num_png_pixels(std::span<const std::byte> file);

// What becomes of decoded pixels in the colours of `profile`, an ICC profile; nothing where that is empty.
DecodedImage in_srgb(at::Tensor pixels, std::span<const std::byte> profile, bool is_grey);

// IoError unless an image of that size may be decoded.
int64_t checked_num_pixels(std::string_view format, int64_t width, int64_t height);

// The EXIF orientation 1 to 8 of a TIFF block, with or without "Exif\0\0" before it; 1 when it is absent or damaged
// (CIPA DC-008, section 4.6.5.1, tag 0x0112).
int exif_orientation(std::span<const std::byte> exif);

// Turns [H, W, 3] upright: orientation 1 leaves it, 3 turns it by 180 degrees, 6 by 90 clockwise, and so on.
at::Tensor apply_orientation(const at::Tensor& image_HWC, int orientation);

}  // namespace fgm
