#include "data/import/square_resize.h"

#include <algorithm>

namespace fgm {

at::Tensor square_resize(const at::Tensor& image_HWC, int64_t resolution) {
  const int64_t height = image_HWC.size(0), width = image_HWC.size(1);
  const int64_t side = std::min(height, width);
  const auto square = image_HWC.narrow(0, (height - side) / 2, side).narrow(1, (width - side) / 2, side);
  if (side == resolution) return square.contiguous();
  const auto planes = square.permute({2, 0, 1}).unsqueeze(0).to(at::kFloat);
  const auto resized = at::_upsample_bicubic2d_aa(planes, {resolution, resolution}, /*align_corners=*/false);
  return resized[0].permute({1, 2, 0}).round().clamp(0, 255).to(at::kByte).contiguous();
}

}  // namespace fgm
