#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "launch/job/distill_networks.h"
#include "launch/job/distill_start.h"

namespace fgm {

// What a distillation takes, in bytes; activations are not counted.
struct DistillPlan {
  // A path of the config that need not be there yet.
  struct Place {
    std::string key;
    std::string path;
    bool is_found = false;
  };

  int64_t num_parameters = 0;        // of each network; a regression has a student alone
  int64_t replicate = 1, shard = 1;  // the mesh; mesh.shard counts even where it is more than the ranks
  bool is_cpu = false;               // run.device = auto counts as a GPU
  DistillBytes networks;             // of each rank
  int64_t decoder_bytes = 0;         // of each rank, for the sample grids
  int64_t checkpoint_bytes = 0;      // of one step's folder
  // What cached CLIP and T5 embeddings of a caption take in bfloat16; nothing for hashed words.
  std::optional<int64_t> bytes_per_caption = {};
  std::optional<int64_t> num_captions = {};  // where they are found
  Place teacher, store;                      // `store` may be a list of captions
  std::vector<std::string> missing = {};     // DistillStart::missing

  // Of each rank, with the decoder.
  int64_t state_bytes() const;
};

// The plan of a checked distillation on `num_ranks` ranks. Works from the config's [model] alone where the teacher is
// missing. ConfigError when mesh.shard does not divide the ranks.
DistillPlan plan_distillation(const DistillStart& start, int64_t num_ranks);

}  // namespace fgm
