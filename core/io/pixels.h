#pragma once

#include <ATen/ATen.h>

namespace fgm {

// Of a network's samples: these are images, others are latents that an autoencoder decodes.
inline constexpr int64_t kPixelChannels = 3;

// Model space to pixels: float [B, C, H, W] in [-1, 1] (clamped, NaN becomes 0) to uint8 [B, H, W, C] on the CPU.
at::Tensor to_pixels(const at::Tensor& images_BCHW);

}  // namespace fgm
