#pragma once

#include <ATen/ATen.h>

#include <string_view>

namespace fgm {

// Name and version of the feature space below; distances are comparable only within one.
inline constexpr std::string_view kFeatureSpace = "random-conv-64/1";

// Fixed features of images, float32 [N, 64] from uint8 [N, H, W, 3] with H, W >= 8, computed on the CPU.
// Pixels are scaled to [-1, 1] and pass three 3 x 3 convolutions without bias, each padded by 1 and followed
// by a ReLU: 3 -> 16 stride 1, 16 -> 32 stride 2, 32 -> 32 stride 2. A feature is the mean or the standard
// deviation of one of the 32 last channels over the image. The weights are counter-based normals of
// variance 2 / fan-in (RandomStream seed 0, stream "eval.features", step = layer), so every machine has the
// same ones. Untrained features rank how far sets of one kind of image are apart; they are not Inception's,
// and no figure here compares with a published FID. All images at once: features_of() cuts a set into batches.
at::Tensor image_features(const at::Tensor& images_NHWC);

}  // namespace fgm
