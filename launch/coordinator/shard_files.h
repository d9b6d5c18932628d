#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "launch/checkpoint/manifest.h"
#include "launch/coordinator/state_snapshot.h"

namespace fgm {

// Writes one rank's files to `folder`, fsynced, digested while written. Returns what was written, for add_shards() on
// whichever rank makes the manifest. IoError.
std::string write_shards(const std::filesystem::path& folder, const std::vector<ShardFile>& files);

// Adds what write_shards() wrote on one rank to `manifest`; the ranks in the order of the shard axis, for the slices of
// a tensor ascend.
void add_shards(const std::string& written, Manifest& manifest);

}  // namespace fgm
