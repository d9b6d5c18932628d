#include "data/import/square_resize.h"

#include <algorithm>

namespace fgm {

at::Tensor square_resize(const at::Tensor& image_HWC, int64_t resolution) {
  const int64_t height = image_HWC.size(0), width = image_HWC.size(1);
  const int64_t side = std::min(height, width);
  const auto square = image_HWC.narrow(0, (height - side) / 2, side).narrow(1, (width - side) / 2, side);
  if (side == resolution) return square.contiguous();
  auto out = at::empty({resolution, resolution, 3}, at::kByte);
  // One channel at a time: a large image's floats are four times its bytes.
  for (int64_t channel = 0; channel < 3; ++channel) {
    const auto plane = square.select(2, channel).unsqueeze(0).unsqueeze(0).to(at::kFloat);
    const auto resized = at::_upsample_bicubic2d_aa(plane, {resolution, resolution}, /*align_corners=*/false);
    out.select(2, channel).copy_(resized[0][0].round().clamp(0, 255));
  }
  return out;
}

}  // namespace fgm
