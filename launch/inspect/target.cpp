#include "launch/inspect/target.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/io/file_kind.h"
#include "launch/checkpoint/checkpoints_folder.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> entries_of(const fs::path& folder) {
  std::vector<fs::path> entries;
  try {
    for (const auto& entry : fs::directory_iterator(folder)) entries.push_back(entry.path());
  } catch (const fs::filesystem_error& error) {
    throw IoError(fmt::format("{} cannot be read", folder.string()), error.code());
  }
  std::ranges::sort(entries);
  return entries;
}

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

// A folder's name without the '/' that may end its path.
std::string name_of(const fs::path& folder) {
  return (fs::absolute(folder) / "").parent_path().filename().string();
}

PathKind kind_of_folder(const fs::path& path) {
  bool holds_files = is_checkpoint_name(name_of(path));
  for (const auto& entry : entries_of(path)) {
    const std::string name = entry.filename().string();
    if (name == "checkpoints" || (is_checkpoint_name(name) && is_folder(entry))) return PathKind::kRunFolder;
    holds_files |= name == kManifestFile || name == kCommitFile || entry.extension() == ".safetensors";
  }
  require<IoError>(holds_files || name_of(path) == "checkpoints",
                   "'{}' holds no checkpoint; name a run's folder, a step's folder, a safetensors file or a store",
                   path.string());
  return holds_files ? PathKind::kStepFolder : PathKind::kRunFolder;
}

StepFolder newest_complete(const fs::path& run) {
  const auto folders = checkpoint_folders(run);
  for (auto it = folders.rbegin(); it != folders.rend(); ++it) {
    if (!it->is_published) continue;
    auto folder = read_step_folder(it->path);
    if (folder.is_well()) return folder;
  }
  throw IoError(fmt::format("{}: no complete checkpoint in it; 'fgm inspect {}' says why", run.string(), run.string()));
}

}  // namespace

PathKind kind_of(const fs::path& path) {
  std::error_code ignored;
  require<IoError>(fs::exists(path, ignored), "'{}' does not exist", path.string());
  if (is_folder(path)) return kind_of_folder(path);
  require<IoError>(fs::is_regular_file(path), "'{}' is neither a file nor a folder", path.string());
  return is_hdf5(path) ? PathKind::kStore : PathKind::kTensorFile;
}

std::vector<CheckpointFolder> checkpoint_folders(const fs::path& run) {
  const fs::path checkpoints = checkpoints_in(run).value_or(run);
  std::vector<CheckpointFolder> folders;
  const auto [steps, strays] = list_steps(checkpoints);
  for (const int64_t step : steps) folders.push_back({checkpoints / step_folder_name(step), true});
  for (const auto& name : strays) {
    if (is_folder(checkpoints / name)) folders.push_back({checkpoints / name, true});
  }
  for (const auto& entry : entries_of(checkpoints)) {
    const bool is_known = std::ranges::count(folders, entry, &CheckpointFolder::path) > 0;
    if (is_folder(entry) && !is_known) folders.push_back({entry, false});
  }
  return folders;
}

Snapshot open_snapshot(const fs::path& path) {
  const PathKind kind = kind_of(path);
  require<ConfigError>(kind != PathKind::kStore, "{} is a store; --diff compares safetensors files and checkpoints",
                       path.string());
  if (kind == PathKind::kTensorFile) return snapshot_of(std::make_shared<const SafetensorsFile>(path));
  auto folder = kind == PathKind::kRunFolder ? newest_complete(path) : read_step_folder(path);
  open_tensors(folder);
  return snapshot_of(folder);
}

}  // namespace fgm
