#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "parallel/comm/communicator.h"

namespace fgm {

// The place in the file system that holds a network's weights.
struct WeightsPlace {
  std::filesystem::path path;              // a step's folder; or a file, or a folder of Stable Diffusion 3 weights
  std::string role;                        // which of the step's roles; "" for the others
  std::vector<std::string> asked = {};     // the roles that will do; none: any
  std::filesystem::path checkpoints = {};  // of the run that `path` was chosen from; "" where the user named it
};

// Finds what `path` means: a safetensors file; or a folder of Stable Diffusion 3 weights; or the first of `roles` that
// a step's folder holds; or that of the newest complete step of a run's folder (or of its checkpoints/), with a warning
// for each damaged step that is skipped. Reads names, manifests and the sizes of files, and compares no digests.
// ConfigError naming the path and what was looked for, or what a folder of other things looks like and what to give
// instead; IoError when a file is damaged.
WeightsPlace find_weights(const std::filesystem::path& path, const std::vector<std::string>& roles);

// Compares the digests of a step's files that hold the weights found, which takes a pass over their bytes; other
// weights have no digests. Returns weights that are intact: `found`, or where that is damaged and the user named only its run,
// those of the newest intact step before it, with a warning. DamageError when a step that the user named is damaged,
// ConfigError when all steps of a run are.
WeightsPlace verify_weights(const WeightsPlace& found);

// Both for all ranks of `control`: rank 0 reads, and all ranks have its answer or its error. Collective.
WeightsPlace find_weights(const std::filesystem::path& path, const std::vector<std::string>& roles,
                          Communicator& control);
WeightsPlace verify_weights(const WeightsPlace& found, Communicator& control);

}  // namespace fgm
