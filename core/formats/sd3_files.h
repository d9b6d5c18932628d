#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "core/config/sections.h"
#include "core/io/tensor_source.h"
#include "core/models/vae.h"

// Stable Diffusion 3 and 3.5 as their users have them. A path is
// - a single safetensors file with Stability's names, with or without the prefix `model.diffusion_model.`, alone or
//   with the autoencoder and the text encoders in the same file; or with diffusers' names;
// - a diffusers pipeline folder (transformer/, vae/, scheduler/);
// - one such component's folder, sharded or not.
// float32, float16 and bfloat16 mix freely. Nothing is read beyond headers until a source's read().
namespace fgm {

struct Sd3Transformer {
  MMDiTConfig config;
  int64_t sample_size;  // side of the latents that it is made for: config.json's, else 128 (1024 pixels)
  // Every parameter of an MMDiT of `config` and pos_embed, in our names, for load_parameters() or slice by slice.
  std::shared_ptr<const TensorSource> weights;
};

// ConfigError when the path holds no SD3 transformer (saying what it looks like instead), when its tensors are of
// another dtype (quantised), when tensors are missing, surplus or of the wrong shape (naming all of them, as the file
// does), or when config.json says otherwise than the weights. Shapes are compared with config.json's architecture, and
// without one with that which the tensors tell. What else lies in a single file may be of any dtype. IoError for a
// damaged file.
Sd3Transformer open_sd3_transformer(const std::filesystem::path& path);

struct Sd3Vae {
  VaeConfig config;
  std::shared_ptr<const TensorSource> weights;  // every parameter of encoder and decoder
};

// The autoencoder of a pipeline folder, of a single file that brings one, or of a path to itself. A single file does
// not say the scaling and the number of norm groups: they are then SD3's. Errors as above.
Sd3Vae open_sd3_vae(const std::filesystem::path& path);

// The shift of the pipeline's own scheduler; nothing when the path brings no scheduler.
std::optional<double> read_schedule_shift(const std::filesystem::path& path);

// Copies the half's share of an opened autoencoder's weights into it, converting to its dtype and device. ConfigError
// when a value is not finite.
void load_parameters(VaeEncoder& encoder, const TensorSource& weights);
void load_parameters(VaeDecoder& decoder, const TensorSource& weights);

}  // namespace fgm
