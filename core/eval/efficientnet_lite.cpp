#include "core/eval/efficientnet_lite.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>

#include "core/base/error.h"

namespace fgm {
namespace {

constexpr int64_t kInputSide = 128;
constexpr double kNormEpsilon = 1e-3;
constexpr std::string_view kLite0Digest = "b24a841f5558dae4fa58f5b3a5acddef";

at::Tensor load_tensor(const TensorSource& weights, const std::string& name, const std::vector<int64_t>& shape) {
  const auto& info = find_tensor(weights, name);
  require<ConfigError>(info.shape == shape, "{}: {} has shape [{}], expected [{}]", weights.place(), name,
                       fmt::join(info.shape, ", "), fmt::join(shape, ", "));
  auto out = at::empty(shape, at::kFloat);
  read_finite(weights, name, 0, out);
  return out;
}

// Zeros on both sides so that a side of n gives ceil(n / stride), the odd one behind.
at::Tensor pad_same(const at::Tensor& x_NCHW, int64_t kernel, int64_t stride) {
  std::vector<int64_t> padding;  // of the last axis first
  for (const int64_t axis : {3, 2}) {
    const int64_t size = x_NCHW.size(axis), out = (size + stride - 1) / stride;
    const int64_t all = std::max<int64_t>(0, (out - 1) * stride + kernel - size);
    padding.insert(padding.end(), {all / 2, all - all / 2});
  }
  return at::constant_pad_nd(x_NCHW, padding);
}

at::Tensor prepare(const at::Tensor& images_NHWC) {
  const auto x_NCHW = images_NHWC.cpu().permute({0, 3, 1, 2}).to(at::kFloat).contiguous();
  return (at::_upsample_bilinear2d_aa(x_NCHW, {kInputSide, kInputSide}, /*align_corners=*/false) - 127) / 128;
}

}  // namespace

at::Tensor EfficientNetLite::Conv::operator()(const at::Tensor& x_NCHW) const {
  const auto padded_NCHW = pad_same(x_NCHW, weight.size(2), stride);
  const auto y_NCHW = at::conv2d(padded_NCHW, weight, bias, stride, /*padding=*/at::IntArrayRef{0, 0},
                                 /*dilation=*/1, groups);
  return is_active ? at::clamp(y_NCHW, 0, 6) : y_NCHW;
}

EfficientNetLite::Conv EfficientNetLite::load(const TensorSource& weights, const std::string& conv,
                                              const std::string& norm, const std::vector<int64_t>& shape,
                                              int64_t stride, bool is_active) {
  const auto vector = [&](const char* name) { return load_tensor(weights, norm + name, {shape[0]}); };
  const auto scale = vector(".weight") / (vector(".running_var") + kNormEpsilon).sqrt();
  const bool is_depthwise = shape[1] == 1 && shape[2] > 1;
  return {.weight = load_tensor(weights, conv + ".weight", shape) * scale.view({-1, 1, 1, 1}),
          .bias = vector(".bias") - vector(".running_mean") * scale,
          .stride = stride,
          .groups = is_depthwise ? shape[0] : 1,
          .is_active = is_active};
}

EfficientNetLite::Block EfficientNetLite::load_block(const TensorSource& weights, const std::string& prefix,
                                                     const EfficientNetStage& stage, int64_t in_channels,
                                                     int64_t stride) {
  const int64_t width = in_channels * stage.expand;
  Block block{{}, stride == 1 && in_channels == stage.channels};
  if (stage.expand != 1) {
    block.convs.push_back(
        load(weights, prefix + "_expand_conv", prefix + "_bn0", {width, in_channels, 1, 1}, 1, /*is_active=*/true));
  }
  block.convs.push_back(load(weights, prefix + "_depthwise_conv", prefix + "_bn1",
                             {width, 1, stage.kernel, stage.kernel}, stride, /*is_active=*/true));
  block.convs.push_back(
      load(weights, prefix + "_project_conv", prefix + "_bn2", {stage.channels, width, 1, 1}, 1, /*is_active=*/false));
  return block;
}

EfficientNetLite::EfficientNetLite(const EfficientNetLiteConfig& config, const TensorSource& weights) {
  int64_t channels = config.stem_channels;
  blocks_.push_back({{load(weights, "_conv_stem", "_bn0", {channels, 3, 3, 3}, 2, /*is_active=*/true)}, false});
  for (const auto& stage : config.stages) {
    for (int64_t i = 0; i < stage.num_blocks; ++i) {
      const auto prefix = fmt::format("_blocks.{}.", blocks_.size() - 1);
      blocks_.push_back(load_block(weights, prefix, stage, channels, i == 0 ? stage.stride : 1));
      channels = stage.channels;
    }
  }
}

at::Tensor EfficientNetLite::features(const at::Tensor& images_NHWC) const {
  auto x_NCHW = prepare(images_NHWC);
  for (const auto& block : blocks_) {
    auto y_NCHW = x_NCHW;
    for (const auto& conv : block.convs) y_NCHW = conv(y_NCHW);
    x_NCHW = block.adds_input ? y_NCHW + x_NCHW : y_NCHW;
  }
  return x_NCHW.mean(at::IntArrayRef{2, 3});
}

FeatureSpace efficientnet_lite0_space(const TensorSource& weights) {
  const auto digest = digest_of(weights);
  require<ConfigError>(digest == kLite0Digest,
                       "{}: these are not the weights of EfficientNet-Lite0 that distances are compared by (digest {}, "
                       "expected {}); make them anew with launch/scripts/setup --eval-features",
                       weights.place(), digest, kLite0Digest);
  const auto network = std::make_shared<EfficientNetLite>(EfficientNetLiteConfig{}, weights);
  return {.name = "efficientnet-lite0-320/1", .batch = 32, .features = [network](const at::Tensor& images_NHWC) {
            return network->features(images_NHWC);
          }};
}

}  // namespace fgm
