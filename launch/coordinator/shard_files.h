#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/train/parameter_engine.h"
#include "launch/checkpoint/manifest.h"
#include "launch/checkpoint/weights_info.h"
#include "parallel/mesh/device_mesh.h"

namespace fgm {

struct SavedNetwork {
  std::string role;         // "student"
  ParameterEngine* engine;  // must outlive whoever saves it
};

// The role of a part of a network's state: "student", "student_ema", "student_optim".
std::string role_of(const std::string& network, const std::string& part);

// Writes this rank's slices to `folder`, a file for each role, fsynced, digested while written. Shard 0 adds the
// model's buffers to weights and average, so that with one shard these files are whole models. Ranks beyond the first
// of the replicate axis hold copies and write nothing. `info`: its role is filled in for each file. Returns what was
// written, for add_shards(). IoError.
std::string write_shards(const std::filesystem::path& folder, const std::vector<SavedNetwork>& networks,
                         MeshAxes coordinate, MeshAxes mesh, const WeightsInfo& info);

// Adds the files and slices of another rank's write_shards() to `manifest`; ranks in the order of the shard axis.
void add_shards(const std::string& written, Manifest& manifest);

// Sets the state of `network` on this rank, from a checkpoint of any number of ranks.
// ConfigError or IoError when it does not hold what the network needs.
void restore_network(const SavedNetwork& network, const std::filesystem::path& folder, const Manifest& manifest);

}  // namespace fgm
