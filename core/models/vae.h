#pragma once

#include "core/io/composed_source.h"
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

// SD3's autoencoder: diffusers' AutoencoderKL without quantisation convolutions. Parameter names are those of
// Stability's single file without the prefix `first_stage_model.`.
class Vae {
 public:
  // Parameters are allocated, not initialised. ConfigError when the sizes do not fit together.
  Vae(const VaeConfig& config, const at::TensorOptions& options);

  // images [B, image_channels, H, W] in [-1, 1]; H and W multiples of config().downscale(), else ConfigError.
  LatentDistribution encode(const at::Tensor& images) const;
  // z [B, latent_channels, h, w] as encode() gives it (unscaled); returns images, not clamped to [-1, 1].
  at::Tensor decode(const at::Tensor& z) const;

  // The velocity model's latents are (z - shift_factor) x scaling_factor; and back.
  at::Tensor to_latents(const at::Tensor& z) const { return (z - config_.shift_factor) * config_.scaling_factor; }
  at::Tensor from_latents(const at::Tensor& latents) const {
    return latents / config_.scaling_factor + config_.shift_factor;
  }

  void visit(const TensorVisitor& visitor);
  const VaeConfig& config() const { return config_; }

 private:
  VaeConfig config_;
  Conv2d encoder_in_, encoder_out_, decoder_in_, decoder_out_;
  std::vector<EncoderLevel> down_;
  std::vector<DecoderLevel> up_;  // up_[j] mirrors down_[j], so the decoder runs them from the last to the first
  MiddleBlock encoder_mid_, decoder_mid_;
  GroupNorm encoder_norm_, decoder_norm_;
};

// The names and shapes of a Vae's parameters.
ShapeByName vae_shapes(const VaeConfig& config);

}  // namespace fgm
