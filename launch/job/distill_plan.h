#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "launch/job/distill_start.h"

namespace fgm {

// What a checked distillation on `num_ranks` ranks takes, in bytes and without running it. Works from the config's
// [model] alone; teacher.weights and data.store count instead where they are there.
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
//   missing                 lines: what a start needs beside, and what was therefore not checked
nlohmann::ordered_json plan_distillation(const DistillStart& start, int64_t num_ranks);

// The same to read.
std::string plan_text(const nlohmann::ordered_json& plan);

}  // namespace fgm
