#pragma once

#include <ATen/ATen.h>

#include <cstddef>
#include <span>

namespace fgm {

// What the channels of an image are, and what its profile must be one of.
enum class ColorModel {
  kGrey,  // three channels of the same value
  kRgb,
  kCmyk,  // four, inverted: 0 is full ink
};

enum class ProfileUse { kSrgb, kConverted, kUnusable };

// Makes `image_HWC`, uint8 [H, W, C] in the colours of an ICC profile, sRGB: relative colorimetric with black point
// compensation, by lcms2.
//   kSrgb      the profile is sRGB to within rounding: no bit is changed
//   kUnusable  it is broken or of another kind than the image: no bit is changed
ProfileUse convert_to_srgb(at::Tensor& image_HWC, std::span<const std::byte> profile, ColorModel color_model);

// uint8 [H, W, 3] of inverted CMYK, uint8 [H, W, 4], whose inks no profile describes: each ink takes its share of
// light.
at::Tensor cmyk_to_rgb(const at::Tensor& image_HWC);

}  // namespace fgm
