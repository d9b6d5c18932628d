#pragma once

#include <ATen/ATen.h>

#include <cstddef>
#include <span>

namespace fgm {

// Both return uint8 [H, W, 3] and throw IoError; see decode_image().
at::Tensor decode_jpeg(std::span<const std::byte> file);
at::Tensor decode_png(std::span<const std::byte> file);

// The EXIF orientation 1 to 8 of an APP1 segment's payload ("Exif\0\0" and a TIFF block); 1 when it is absent
// or damaged (CIPA DC-008, section 4.6.5.1, tag 0x0112).
int exif_orientation(std::span<const std::byte> app1);

// Turns [H, W, 3] upright: orientation 1 leaves it, 3 turns it by 180 degrees, 6 by 90 clockwise, and so on.
at::Tensor apply_orientation(const at::Tensor& image_HWC, int orientation);

}  // namespace fgm
