#pragma once

#include <ATen/ATen.h>

#include <cstddef>
#include <span>

namespace fgm {

enum class ProfileUse { kSrgb, kConverted, kUnusable };

// Makes `image_HWC`, uint8 [H, W, 3] in the colours of an ICC profile, sRGB in place: relative colorimetric with black
// point compensation, by lcms2.
//   kSrgb      the profile is sRGB to within rounding: no bit is changed
//   kUnusable  it is broken or of another kind than the image (`is_grey`: all three channels are the grey value, and
//              the profile must be one of greys, else one of RGB): no bit is changed
ProfileUse convert_to_srgb(at::Tensor& image_HWC, std::span<const std::byte> profile, bool is_grey);

}  // namespace fgm
