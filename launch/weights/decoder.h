#pragma once

#include <memory>
#include <optional>

#include "core/formats/sd3_files.h"
#include "launch/weights/weights.h"

namespace fgm {

// The autoencoder that turns latents of `weights` into images: that of the path `vae` (see core/formats/sd3_files.h),
// else the one that Stable Diffusion 3 weights at `path` bring along. Nothing for a model of pixels, and when there is
// none. ConfigError when its latents have other channels than the model's.
std::optional<Sd3Vae> find_decoder(const std::string& vae, const std::filesystem::path& path,
                                   const OpenWeights& weights);

// What find_decoder() found in float32, ready to decode on `device`; null for nothing.
std::unique_ptr<Vae> load_decoder(const std::optional<Sd3Vae>& found, at::Device device);

}  // namespace fgm
