#pragma once

#include <ATen/ATen.h>

#include <cstddef>
#include <span>
#include <string>

namespace fgm {

// Larger images are refused before they are decoded unless asked for: a few kilobytes can claim gigabytes of pixels.
inline constexpr int64_t kMaxPixels = int64_t{1} << 28;

struct DecodedImage {
  at::Tensor pixels;                 // uint8 [H, W, 3] sRGB
  bool is_converted = false;         // from the colours of an ICC profile other than sRGB
  bool is_profile_unusable = false;  // the image was taken as sRGB in spite of a profile
  bool is_animated = false;          // the first image was taken
};

// Decodes a JPEG or a PNG, whichever the first bytes say, upright as its EXIF orientation says and in sRGB as its ICC
// profile says (relative colorimetric).
//   JPEG: grey, colour or CMYK, baseline or progressive. CMYK is taken for inverted (0 is full ink), as Adobe's programs
//         write it and all others follow; without a profile of CMYK, a level of R is C K / 255, of G M K / 255, of B
//         Y K / 255.
//   PNG:  any depth and colour type; transparency is laid over white. A profile goes before sRGB, that before gAMA; cHRM
//         is not looked at.
// IoError saying what is wrong: another format, truncated or corrupt data (also where a decoder would guess
// the missing pixels), more than `max_pixels`. No input may crash it.
DecodedImage decode_image(std::span<const std::byte> file, int64_t max_pixels = kMaxPixels);

// What the header says, 1 to `max_pixels`. Decoding takes at most kDecodingBytes for each pixel, resizing less. IoError
// as above.
inline constexpr int64_t kDecodingBytes = 16;
int64_t num_pixels(std::span<const std::byte> file, int64_t max_pixels = kMaxPixels);

}  // namespace fgm
