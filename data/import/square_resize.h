#pragma once

#include <ATen/ATen.h>

namespace fgm {

// The largest centred square of uint8 [H, W, 3], resized to [resolution, resolution, 3] uint8 with ATen's
// antialiased bicubic filter, clamped and rounded.
at::Tensor square_resize(const at::Tensor& image_HWC, int64_t resolution);

}  // namespace fgm
