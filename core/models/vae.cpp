#include "core/models/vae.h"

#include <fmt/ranges.h>

#include "core/base/error.h"

namespace fgm {
namespace {

const VaeConfig& checked(const VaeConfig& config) {
  require<ConfigError>(config.image_channels >= 1 && config.latent_channels >= 1 && config.num_res_blocks >= 1 &&
                           config.norm_groups >= 1 && !config.channels.empty(),
                       "an autoencoder needs at least one channel, level, res block and norm group");
  for (const int64_t channels : config.channels) {
    require<ConfigError>(channels >= 1 && channels % config.norm_groups == 0,
                         "the autoencoder's {} channels do not divide into {} norm groups", channels,
                         config.norm_groups);
  }
  return config;
}

std::vector<ResBlock> res_blocks(int64_t count, int64_t num_in, int64_t num_out, const VaeConfig& config,
                                 const at::TensorOptions& options) {
  std::vector<ResBlock> blocks;
  for (int64_t i = 0; i < count; ++i) {
    blocks.emplace_back(i == 0 ? num_in : num_out, num_out, config.norm_groups, options);
  }
  return blocks;
}

std::vector<EncoderLevel> encoder_levels(const VaeConfig& config, const at::TensorOptions& options) {
  constexpr ConvConfig kHalve{.kernel = 3, .stride = 2, .padding = 0};
  std::vector<EncoderLevel> levels;
  int64_t num_in = config.channels.front();
  for (size_t i = 0; i < config.channels.size(); ++i) {
    const int64_t num_out = config.channels[i];
    levels.push_back({res_blocks(config.num_res_blocks, num_in, num_out, config, options), std::nullopt});
    if (i + 1 < config.channels.size()) levels.back().downsample.emplace(num_out, num_out, kHalve, options);
    num_in = num_out;
  }
  return levels;
}

std::vector<DecoderLevel> decoder_levels(const VaeConfig& config, const at::TensorOptions& options) {
  std::vector<DecoderLevel> levels;
  for (size_t i = 0; i < config.channels.size(); ++i) {
    const int64_t num_in = config.channels[std::min(i + 1, config.channels.size() - 1)], num_out = config.channels[i];
    levels.push_back({res_blocks(config.num_res_blocks + 1, num_in, num_out, config, options), std::nullopt});
    if (i > 0) levels.back().upsample.emplace(num_out, num_out, ConvConfig{}, options);
  }
  return levels;
}

}  // namespace

VaeEncoder::VaeEncoder(const VaeConfig& config, const at::TensorOptions& options)
    : config_(checked(config)),
      in_(config.image_channels, config.channels.front(), {}, options),
      out_(config.channels.back(), 2 * config.latent_channels, {}, options),
      down_(encoder_levels(config, options)),
      mid_(config.channels.back(), config.norm_groups, options),
      norm_(config.norm_groups, config.channels.back(), options) {}

LatentDistribution VaeEncoder::encode(const at::Tensor& images) const {
  const int64_t multiple = config_.downscale();
  require<ConfigError>(images.dim() == 4 && images.size(1) == config_.image_channels && images.size(2) >= multiple &&
                           images.size(3) >= multiple && images.size(2) % multiple == 0 &&
                           images.size(3) % multiple == 0,
                       "images of shape {} cannot be encoded: [batch, {}, height, width] with height and width "
                       "multiples of {} is needed",
                       images.sizes().vec(), config_.image_channels, multiple);
  auto x = in_(images);
  for (const auto& level : down_) x = level(x);
  auto moments = out_(at::silu(norm_(mid_(x)))).chunk(2, /*dim=*/1);
  return {moments[0], moments[1].clamp(-30.0, 20.0)};
}

void VaeEncoder::visit(const TensorVisitor& visitor) {
  in_.visit("encoder.conv_in", visitor);
  for (size_t i = 0; i < down_.size(); ++i) down_[i].visit(fmt::format("encoder.down.{}", i), visitor);
  mid_.visit("encoder.mid", visitor);
  norm_.visit("encoder.norm_out", visitor);
  out_.visit("encoder.conv_out", visitor);
}

VaeDecoder::VaeDecoder(const VaeConfig& config, const at::TensorOptions& options)
    : config_(checked(config)),
      in_(config.latent_channels, config.channels.back(), {}, options),
      out_(config.channels.front(), config.image_channels, {}, options),
      up_(decoder_levels(config, options)),
      mid_(config.channels.back(), config.norm_groups, options),
      norm_(config.norm_groups, config.channels.front(), options) {}

at::Tensor VaeDecoder::decode(const at::Tensor& z) const {
  require<ConfigError>(z.dim() == 4 && z.size(1) == config_.latent_channels,
                       "latents of shape {} cannot be decoded: [batch, {}, height, width] is needed", z.sizes().vec(),
                       config_.latent_channels);
  auto x = mid_(in_(z));
  for (auto level = up_.rbegin(); level != up_.rend(); ++level) x = (*level)(x);
  return out_(at::silu(norm_(x)));
}

void VaeDecoder::visit(const TensorVisitor& visitor) {
  in_.visit("decoder.conv_in", visitor);
  mid_.visit("decoder.mid", visitor);
  for (size_t i = 0; i < up_.size(); ++i) up_[i].visit(fmt::format("decoder.up.{}", i), visitor);
  norm_.visit("decoder.norm_out", visitor);
  out_.visit("decoder.conv_out", visitor);
}

ShapeByName vae_shapes(const VaeConfig& config) {
  ShapeByName shapes;
  const TensorVisitor collect = [&](const std::string& name, const at::Tensor& tensor) {
    shapes.emplace(name, tensor.sizes().vec());
  };
  VaeEncoder(config, at::TensorOptions(at::kMeta)).visit(collect);
  VaeDecoder(config, at::TensorOptions(at::kMeta)).visit(collect);
  return shapes;
}

}  // namespace fgm
