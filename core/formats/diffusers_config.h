#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/config/sections.h"
#include "core/models/clip_text_encoder.h"
#include "core/models/t5_encoder.h"
#include "core/models/vae.h"

// The JSON files of a diffusers folder. A key that a file lacks has the default of its diffusers class. The functions
// below throw ConfigError naming the file when it is of another class than theirs.
namespace fgm {

struct DiffusersConfig {
  std::filesystem::path path;  // for errors
  nlohmann::json json;         // an object

  std::string class_name() const;  // `_class_name`, or transformers' `architectures`; empty without
};

// IoError naming the file when it cannot be read or is not valid JSON, ConfigError when it is no object.
DiffusersConfig read_diffusers_config(const std::filesystem::path& path);

// transformer/config.json of SD3Transformer2DModel. ConfigError for what an MMDiT cannot be: out_channels other than
// in_channels, caption_projection_dim other than the width, a qk_norm other than "rms_norm".
MMDiTConfig mmdit_config(const DiffusersConfig& config);
// The side of the latents that the transformer is made for.
int64_t declared_sample_size(const DiffusersConfig& config);
// The same way back, for an exported model; `sample_size` is the latent's side in training. ConfigError when mlp_ratio
// is not the 4 that diffusers knows.
nlohmann::ordered_json mmdit_json(const MMDiTConfig& config, int64_t sample_size);

// vae/config.json of AutoencoderKL. ConfigError for one that SD3 does not have (quantisation convolutions, no
// attention).
VaeConfig vae_config(const DiffusersConfig& config);

// text_encoder/config.json of CLIPTextModelWithProjection or CLIPTextModel. projection_width is 0: the weights tell
// whether there is a projection. ConfigError for another activation than CLIP-L's and CLIP-G's.
ClipTextConfig clip_text_config(const DiffusersConfig& config);

// text_encoder_3/config.json of T5EncoderModel, or of a whole T5. ConfigError for an MLP that is not T5 v1.1's.
T5Config t5_config(const DiffusersConfig& config);

// `shift` of scheduler/scheduler_config.json of FlowMatchEulerDiscreteScheduler, for sampling_times(). ConfigError when
// it asks for another schedule (dynamic shifting, Karras sigmas, ...).
double schedule_shift(const DiffusersConfig& config);

}  // namespace fgm
