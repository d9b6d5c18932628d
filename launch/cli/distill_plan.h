#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "core/config/config.h"

namespace fgm {

// What a distillation of `config` on `num_ranks` ranks takes, in bytes and without running it. Works from the config's
// [model] alone; teacher.weights and data.store are opened where they exist, and then count instead.
//   parameters              of each of the three networks
//   mesh                    {replicate, shard}; mesh.shard counts even if it is more than num_ranks
//   device                  "cpu", or "cuda", as which run.device = auto counts: it takes more
//   state_bytes_per_rank    {teacher, student, estimator, buffers, gathered_unit, decoder, total}, without activations;
//                           buffers are position tables in float32, decoder is that of the sample grids
//   checkpoint_bytes        of one step's folder
//   text                    {bytes_per_caption, captions, bytes}: what cached CLIP and T5 embeddings of the captions
//   take
//                           in bfloat16; captions and bytes null without a store, all null for hashed words
//   teacher, store          {path, is_found}
// ConfigError and IoError as a run would end with when one of the two exists and does not fit.
nlohmann::ordered_json plan_distillation(const Config& config, int64_t num_ranks);

// The same to read.
std::string plan_text(const nlohmann::ordered_json& plan);

}  // namespace fgm
