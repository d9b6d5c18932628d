#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/config/config.h"
#include "core/train/parameter_engine.h"
#include "launch/checkpoint/manifest.h"
#include "launch/checkpoint/weights_info.h"
#include "parallel/mesh/device_mesh.h"

namespace fgm {

struct SavedNetwork {
  std::string role;         // "student"
  ParameterEngine* engine;  // must outlive whoever saves it
};

// What a checkpoint says of a run beside its networks.
struct SavedRun {
  std::string command;                // "train" or "distill"
  Config config;                      // resolved
  std::vector<int64_t> sample_shape;  // {C, H, W} of what its networks make
  int64_t threads = 1;                // CPU threads of each rank
  std::string store;                  // path
  int64_t store_size = 0;
  std::string captions_xxh128 = {};               // of method.captions, where they are drawn instead of a store's
  int64_t samples_per_step = 0;                   // of all ranks and all updates of a step
  std::optional<Manifest::Teacher> teacher = {};  // of a distillation
};

// What the manifest says of a run before its first step: command, config, seed, threads, store and teacher.
Manifest manifest_head(const SavedRun& run);

// The role of a part of a network's state: "student", "student_ema", "student_optim".
std::string role_of(const std::string& network, const std::string& part);

// One file of a checkpoint.
struct ShardFile {
  std::string name;
  std::string role;
  std::map<std::string, std::string> metadata;  // of the safetensors file
  std::vector<StateSlice> slices;               // none is empty; `part` is that of `role`
};

// A rank's share of a checkpoint before it is written.
struct StateSnapshot {
  Manifest manifest;             // all that it says of this moment; nonce, files and tensors are missing
  std::vector<ShardFile> files;  // of this rank
};

// Takes the snapshot of this rank, which stands at `coordinate` of manifest.mesh, after manifest.step steps: a file for
// each role. Shard 0 adds the model's buffers to weights and averages, so that with one shard these files are whole
// models. Ranks beyond the first of the replicate axis hold copies and have no files. Communicates with nobody.
//
// The snapshot refers to the live tensors and copies none. Until it is written nobody may change the networks: no step,
// no update(), no with_ema(), no resuming. Its numbers (step, updates) are copies.
StateSnapshot take_snapshot(Manifest manifest, const std::vector<SavedNetwork>& networks, MeshCoordinate coordinate,
                            const WeightsInfo& weights);

}  // namespace fgm
