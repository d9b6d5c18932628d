#include "core/io/pixels.h"

namespace fgm {

at::Tensor to_pixels(const at::Tensor& images_BCHW) {
  const auto scaled = at::nan_to_num(images_BCHW.detach().to(at::kCPU, at::kFloat), -1.0).add(1.0).mul(127.5);
  return scaled.round().clamp(0, 255).to(at::kByte).permute({0, 2, 3, 1}).contiguous();
}

}  // namespace fgm
