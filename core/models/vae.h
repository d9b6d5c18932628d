#pragma once

#include <cstdint>
#include <vector>

#include "core/io/tensor_source.h"
#include "core/models/vae_blocks.h"

namespace fgm {

// The defaults are SD3's and SD3.5's.
struct VaeConfig {
  int64_t image_channels = 3;
  int64_t latent_channels = 16;
  std::vector<int64_t> channels = {128, 256, 512, 512};  // of each level; every level but the last halves the image
  int64_t num_res_blocks = 2;                            // a level of the encoder; one more in the decoder
  int64_t norm_groups = 32;
  double shift_factor = 0.0609;
  double scaling_factor = 1.5305;

  int64_t downscale() const { return int64_t{1} << (channels.size() - 1); }  // image pixels for one of the latent
};

// The distribution of an image's latent; each [B, latent_channels, h, w]. logvar is clamped to [-30, 20].
struct LatentDistribution {
  at::Tensor mean;
  at::Tensor logvar;
};

// SD3's autoencoder is diffusers' AutoencoderKL without quantisation convolutions. The velocity model's latents are
// (z - shift_factor) x scaling_factor, with z as the encoder gives it. Parameter names are those of Stability's single
// file without the prefix `first_stage_model.`.

// The half that turns images into latents.
class VaeEncoder {
 public:
  // Parameters are allocated, not initialised. ConfigError when the sizes do not fit together.
  VaeEncoder(const VaeConfig& config, const at::TensorOptions& options);

  // images [B, image_channels, H, W] in [-1, 1]; H and W multiples of config().downscale(), else ConfigError.
  LatentDistribution encode(const at::Tensor& images) const;
  at::Tensor to_latents(const at::Tensor& z) const { return (z - config_.shift_factor) * config_.scaling_factor; }

  void visit(const TensorVisitor& visitor);
  const VaeConfig& config() const { return config_; }

 private:
  VaeConfig config_;
  Conv2d in_, out_;
  std::vector<EncoderLevel> down_;
  MiddleBlock mid_;
  GroupNorm norm_;
};

// The half that turns latents into images.
class VaeDecoder {
 public:
  // As the encoder's.
  VaeDecoder(const VaeConfig& config, const at::TensorOptions& options);

  // z [B, latent_channels, h, w] as the encoder gives it (unscaled); returns images, not clamped to [-1, 1].
  at::Tensor decode(const at::Tensor& z) const;
  at::Tensor from_latents(const at::Tensor& latents) const {
    return latents / config_.scaling_factor + config_.shift_factor;
  }

  void visit(const TensorVisitor& visitor);
  const VaeConfig& config() const { return config_; }

 private:
  VaeConfig config_;
  Conv2d in_, out_;
  std::vector<DecoderLevel> up_;  // up_[j] mirrors the encoder's down_[j], so they run from the last to the first
  MiddleBlock mid_;
  GroupNorm norm_;
};

// The names and shapes of the parameters of both halves.
ShapeByName vae_shapes(const VaeConfig& config);

}  // namespace fgm
