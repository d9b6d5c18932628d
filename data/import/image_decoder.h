#pragma once

#include <ATen/ATen.h>

#include <cstddef>
#include <span>
#include <string>

namespace fgm {

// Larger images are refused before they are decoded: a few kilobytes can claim gigabytes of pixels.
inline constexpr int64_t kMaxPixels = int64_t{1} << 28;

struct DecodedImage {
  at::Tensor pixels;                 // uint8 [H, W, 3] sRGB
  bool is_converted = false;         // from the colours of an ICC profile other than sRGB
  bool is_profile_unusable = false;  // the image was taken as sRGB in spite of a profile
  bool is_animated = false;          // the first image was taken
};

// Decodes a JPEG or a PNG, whichever the first bytes say, upright as its EXIF orientation says and in sRGB as its ICC
// profile says (relative colorimetric).
//   JPEG: grey or colour, baseline or progressive.
//   PNG:  any depth and colour type; transparency is laid over white. A profile goes before sRGB, that before gAMA;
//   cHRM
//         is not looked at.
// IoError saying what is wrong: another format, truncated or corrupt data (also where a decoder would guess
// the missing pixels), CMYK, more than kMaxPixels. No input may crash it.
DecodedImage decode_image(std::span<const std::byte> file);

// What the header says. Decoding takes at most kDecodingBytes for each pixel, resizing less. IoError as above.
inline constexpr int64_t kDecodingBytes = 16;
int64_t num_pixels(std::span<const std::byte> file);

}  // namespace fgm
