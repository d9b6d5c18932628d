#include "core/eval/random_conv.h"

#include <fmt/ranges.h>

#include <cmath>

#include "core/base/error.h"
#include "core/base/rng.h"

namespace fgm {
namespace {

struct ConvLayer {
  int64_t in_channels;
  int64_t out_channels;
  int64_t stride;
};
constexpr std::array<ConvLayer, 3> kLayers = {{{3, 16, 1}, {16, 32, 2}, {32, 32, 2}}};

std::vector<at::Tensor> layer_weights() {
  const RandomStream stream(/*seed=*/0, "eval.features");
  std::vector<at::Tensor> weights;
  for (size_t i = 0; i < kLayers.size(); ++i) {
    const auto& layer = kLayers[i];
    const double scale = std::sqrt(2.0 / static_cast<double>(layer.in_channels * 9));
    weights.push_back(scale * stream.normal(static_cast<int64_t>(i), 0, layer.out_channels, {layer.in_channels, 3, 3}));
  }
  return weights;
}

}  // namespace

at::Tensor image_features(const at::Tensor& images_NHWC) {
  check(images_NHWC.dim() == 4 && images_NHWC.size(3) == 3 && images_NHWC.scalar_type() == at::kByte &&
            images_NHWC.size(1) >= 8 && images_NHWC.size(2) >= 8,
        "image_features wants uint8 [N, H, W, 3] with H, W >= 8, got {}", fmt::join(images_NHWC.sizes(), " x "));
  const auto weights = layer_weights();
  auto x_NCHW = images_NHWC.cpu().permute({0, 3, 1, 2}).to(at::kFloat) / 127.5 - 1;
  for (size_t i = 0; i < kLayers.size(); ++i) {
    x_NCHW = at::relu(at::conv2d(x_NCHW, weights[i], {}, kLayers[i].stride, /*padding=*/1));
  }
  const auto pooled_NCP = x_NCHW.flatten(2);
  return at::cat({pooled_NCP.mean(2), pooled_NCP.std(2, /*unbiased=*/false)}, 1);
}

}  // namespace fgm
