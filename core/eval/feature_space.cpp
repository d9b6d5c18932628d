#include "core/eval/feature_space.h"

#include <algorithm>

#include "core/eval/random_conv.h"

namespace fgm {

FeatureSpace random_conv_space() {
  return {.name = std::string(kFeatureSpace), .features = image_features};
}

at::Tensor features_of(const FeatureSpace& space, const at::Tensor& images_NHWC) {
  const at::NoGradGuard no_grad;
  constexpr int64_t kMostPixels = 1 << 22;  // random-conv takes 100 bytes a pixel on the way
  const int64_t pixels = std::max<int64_t>(1, images_NHWC.size(1) * images_NHWC.size(2));
  std::vector<at::Tensor> features;
  for (const auto& batch : images_NHWC.split(std::clamp<int64_t>(kMostPixels / pixels, 1, space.batch)))
    features.push_back(space.features(batch));
  return at::cat(features);
}

}  // namespace fgm
