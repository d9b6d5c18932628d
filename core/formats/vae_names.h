#pragma once

#include <optional>

#include "core/formats/weight_names.h"
#include "core/models/vae.h"

namespace fgm {

inline constexpr const char* kVaePrefix = "first_stage_model.";  // in a single file

// The tensors of an external autoencoder file as pieces of ours (vae_shapes), each name preceded by `prefix`.
// diffusers' AutoencoderKL counts the decoder's levels the other way and keeps the attention's 1x1 convolutions as matrices.
std::vector<ComposedTensor> external_vae_tensors(const ShapeByName& ours, Naming naming,
                                                 const std::string& prefix = "");

// Nothing when no latent-diffusion autoencoder is among `file`'s tensors.
std::optional<NamingAndPrefix> recognise_vae(const ShapeByName& file);

// The sizes of the autoencoder in `file`; what shapes do not tell (norm groups, shift and scaling) is SD3's.
// ConfigError beginning with `place` when a tensor that they are taken from is missing or has the wrong number of
// dimensions.
VaeConfig infer_vae_config(const ShapeByName& file, const NamingAndPrefix& named, const std::string& place);

}  // namespace fgm
