#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <functional>
#include <string>

namespace fgm {

// What sees two sets of images when their distance is measured.
struct FeatureSpace {
  std::string name;     // with the version of the weights: figures are comparable only under one name
  bool is_fid = false;  // Inception's features, so that a Frechet distance is the FID
  int64_t batch = 256;  // images that `features` gets at once; fewer of large ones
  std::function<at::Tensor(const at::Tensor& images_NHWC)> features;  // uint8 [N, H, W, 3] to float32 [N, D]
};

// The space of image_features() (core/eval/random_conv.h).
FeatureSpace random_conv_space();

// The features of all images, float32 [N, D].
at::Tensor features_of(const FeatureSpace& space, const at::Tensor& images_NHWC);

}  // namespace fgm
