#include "core/eval/feature_space.h"

#include "core/eval/random_conv.h"

namespace fgm {

FeatureSpace random_conv_space() {
  return {.name = std::string(kFeatureSpace), .features = image_features};
}

at::Tensor features_of(const FeatureSpace& space, const at::Tensor& images_NHWC) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> features;
  for (const auto& batch : images_NHWC.split(space.batch)) features.push_back(space.features(batch));
  return at::cat(features);
}

}  // namespace fgm
