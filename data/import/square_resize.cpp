#include "data/import/square_resize.h"

#include <algorithm>
#include <cmath>

#include "core/base/error.h"

namespace fgm {

at::Tensor square_resize(const at::Tensor& image_HWC, int64_t resolution) {
  return crop_resize(image_HWC, {resolution, resolution});
}

at::Tensor crop_resize(const at::Tensor& image_HWC, CropSize size) {
  const int64_t height = image_HWC.size(0), width = image_HWC.size(1);
  const int64_t part_height = std::clamp(width * size.height / size.width, int64_t{1}, height);
  const int64_t part_width = std::clamp(height * size.width / size.height, int64_t{1}, width);
  const auto part =
      image_HWC.narrow(0, (height - part_height) / 2, part_height).narrow(1, (width - part_width) / 2, part_width);
  if (part_height == size.height && part_width == size.width) return part.contiguous();
  auto out = at::empty({size.height, size.width, 3}, at::kByte);
  // One channel at a time: a large image's floats are four times its bytes.
  for (int64_t channel = 0; channel < 3; ++channel) {
    const auto plane = part.select(2, channel).unsqueeze(0).unsqueeze(0).to(at::kFloat);
    const auto resized = at::_upsample_bicubic2d_aa(plane, {size.height, size.width}, /*align_corners=*/false);
    out.select(2, channel).copy_(resized[0][0].round().clamp(0, 255));
  }
  return out;
}

std::vector<CropSize> aspect_buckets(int64_t resolution, int64_t multiple) {
  require<ConfigError>(resolution >= multiple && resolution <= kMaxResolution && resolution % multiple == 0,
                       "--resolution = {} is no multiple of {} up to {}, as every size must be", resolution, multiple,
                       kMaxResolution);
  std::vector<CropSize> sizes;
  for (int64_t width = multiple; width <= 2 * resolution; width += multiple) {
    const int64_t height = resolution * resolution / width / multiple * multiple;
    if (height <= 2 * width && width <= 2 * height) sizes.push_back({height, width});
  }
  return sizes;
}

CropSize nearest_aspect(std::span<const CropSize> sizes, int64_t height, int64_t width) {
  const auto aspect = [](int64_t h, int64_t w) { return std::log(static_cast<double>(w) / static_cast<double>(h)); };
  return *std::ranges::min_element(sizes, {}, [&](const CropSize& size) {
    return std::abs(aspect(size.height, size.width) - aspect(height, width));
  });
}

}  // namespace fgm
