#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <span>
#include <vector>

namespace fgm {

// The largest centred square of uint8 [H, W, 3], resized to [resolution, resolution, 3] uint8 with ATen's
// antialiased bicubic filter, clamped and rounded.
at::Tensor square_resize(const at::Tensor& image_HWC, int64_t resolution);

// A size in pixels that images are brought to.
struct CropSize {
  int64_t height = 0, width = 0;
  bool operator==(const CropSize&) const = default;
};

// The same with the largest centred part of the aspect ratio of `size`, resized to that.
at::Tensor crop_resize(const at::Tensor& image_HWC, CropSize size);

inline constexpr int64_t kMaxResolution = 4096;  // pixels a side

// Sizes for images of many aspect ratios, from 1:2 to 2:1, each with at most resolution^2 pixels and as many as
// multiples of `multiple` allow; the square is among them. ConfigError unless `multiple` divides `resolution`,
// which is at most kMaxResolution.
std::vector<CropSize> aspect_buckets(int64_t resolution, int64_t multiple);

// The one of `sizes` that an image of height x width loses the least to: of the nearest aspect ratio, by its logarithm.
CropSize nearest_aspect(std::span<const CropSize> sizes, int64_t height, int64_t width);

}  // namespace fgm
