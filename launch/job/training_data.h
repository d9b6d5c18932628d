#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/config/config.h"
#include "data/store/store.h"
#include "launch/weights/decoder.h"

namespace fgm {

// What a store's images are to a network.

// {C, H, W}: of pixels, or of the latents that most images have. Needs images or latents.
std::vector<int64_t> network_shape(const Store& store);

// ConfigError unless a network of `model` can be trained on each size that the store has.
void check_sizes(const ModelConfig& model, const Store& store);

// The same for an autoencoder: ConfigError unless `vae` is the one that made the store's latents. Reads its weights.
void require_same_vae(const Store& store, const Sd3Vae& vae);

// The autoencoder that turns a training's samples into images: that of sample.vae, which must have made the store's
// latents. Nothing for pixels; for latents without sample.vae sample grids are turned off with a warning, and
// run.eval_every is a ConfigError.
std::optional<Sd3Vae> open_training_vae(const Store& store, Config& config);

}  // namespace fgm
