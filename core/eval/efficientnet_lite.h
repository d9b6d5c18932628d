#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "core/eval/feature_space.h"
#include "core/io/tensor_source.h"

namespace fgm {

// `num_blocks` blocks, of which the first has the stride.
struct EfficientNetStage {
  int64_t kernel;
  int64_t stride;
  int64_t expand;
  int64_t channels;
  int64_t num_blocks;
};

// EfficientNet-Lite0 (Tan and Le, arXiv 1905.11946; Google's tpu repository, efficientnet/lite): no squeeze and
// excitation, ReLU6.
struct EfficientNetLiteConfig {
  int64_t stem_channels = 32;
  std::vector<EfficientNetStage> stages = {{3, 1, 1, 16, 1},  {3, 2, 6, 24, 2},  {5, 2, 6, 40, 2}, {3, 2, 6, 80, 3},
                                           {5, 1, 6, 112, 3}, {5, 2, 6, 192, 4}, {3, 1, 6, 320, 1}};
};

// The network before its head, for inference on the CPU: the batch norms (epsilon 0.001) are folded into the
// convolutions, which pad as TensorFlow's "same" does.
class EfficientNetLite {
 public:
  // Names as in efficientnet-lite-pytorch: _conv_stem.weight, _bn0.running_mean, _blocks.3._depthwise_conv.weight, ...
  // IoError naming a tensor that is missing, ConfigError naming one of another shape.
  EfficientNetLite(const EfficientNetLiteConfig& config, const TensorSource& weights);

  // Images uint8 [N, H, W, 3] are resized to 128 x 128 (bilinear; antialiased where they are larger) and scaled to
  // (x - 127) / 128 as in training; the last stage's channels, averaged over the image, float32 [N, 320].
  at::Tensor features(const at::Tensor& images_NHWC) const;

 private:
  struct Conv {
    at::Tensor weight;
    at::Tensor bias;
    int64_t stride;
    int64_t groups;
    bool is_active;  // followed by ReLU6
    at::Tensor operator()(const at::Tensor& x_NCHW) const;
  };
  struct Block {
    std::vector<Conv> convs;
    bool adds_input;
  };
  static Conv load(const TensorSource& weights, const std::string& conv, const std::string& norm,
                   const std::vector<int64_t>& shape, int64_t stride, bool is_active);
  static Block load_block(const TensorSource& weights, const std::string& prefix, const EfficientNetStage& stage,
                          int64_t in_channels, int64_t stride);

  std::vector<Block> blocks_;  // the first one is the stem
};

// Lite0's features, from the file that `launch/scripts/setup --eval-features` makes. ConfigError where `weights` has
// another digest.
FeatureSpace efficientnet_lite0_space(const TensorSource& weights);

}  // namespace fgm
