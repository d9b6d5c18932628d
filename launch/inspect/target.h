#pragma once

#include <filesystem>
#include <vector>

#include "launch/inspect/snapshot.h"

namespace fgm {

enum class PathKind { kStore, kTensorFile, kStepFolder, kRunFolder };

// Says what lies at a path. A run's folder is one with "checkpoints" in it, or that folder itself. IoError when the
// path does not exist, or is a folder without anything of a run or a checkpoint in it.
PathKind kind_of(const std::filesystem::path& path);

struct CheckpointFolder {
  std::filesystem::path path;
  bool is_published = false;  // it has a step's name, rightly or not; the others are unfinished, or were quarantined
};

// The checkpoints' folders of a run, oldest step first; then those that have a step's name wrongly (strays, which are
// never well); then what was left over.
std::vector<CheckpointFolder> checkpoint_folders(const std::filesystem::path& run);

// Opens a safetensors file, a step's folder, or a run's newest checkpoint that is complete by its manifest and sizes.
// IoError when there is none; ConfigError for a store.
Snapshot open_snapshot(const std::filesystem::path& path);

}  // namespace fgm
