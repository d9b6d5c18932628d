#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/formats/sd3_files.h"
#include "launch/weights/weights.h"

namespace fgm {

// Whether a network makes latents, which only an autoencoder turns into images; else it makes their pixels.
bool makes_latents(const ModelConfig& model);

// The autoencoder that turns latents of `weights` into images: that of the path `vae` (see core/formats/sd3_files.h),
// else the one that Stable Diffusion 3 weights at `path` bring along. Nothing for a model of pixels, and when there is
// none. ConfigError when its latents have other channels than the model's.
std::optional<Sd3Vae> find_decoder(const std::string& vae, const std::filesystem::path& path,
                                   const OpenWeights& weights);

// All that latents depend on besides their images, for a store's provenance: the digest of the weights ("xxh128"),
// "shift_factor" and "scaling_factor". Reads all weights.
nlohmann::json vae_identity(const Sd3Vae& vae);

// The decoding half of what find_decoder() found, in float32 on `device`; null for nothing. The encoder is not read.
std::unique_ptr<VaeDecoder> load_decoder(const std::optional<Sd3Vae>& found, at::Device device);

}  // namespace fgm
