#pragma once

#include <ATen/ATen.h>

#include <cstddef>
#include <span>

namespace fgm {

// Larger pictures are refused before they are decoded: a few kilobytes can claim gigabytes of pixels.
inline constexpr int64_t kMaxPixels = int64_t{1} << 28;

// Decodes a JPEG or a PNG, whichever the first bytes say, to uint8 [H, W, 3] sRGB.
//   JPEG: grey or colour, baseline or progressive, turned upright as its EXIF orientation says.
//   PNG:  any depth and colour type; transparency is laid over white.
// IoError saying what is wrong: another format, truncated or corrupt data (also where a decoder would guess
// the missing pixels), CMYK, more than kMaxPixels. No input may crash it.
at::Tensor decode_image(std::span<const std::byte> file);

}  // namespace fgm
