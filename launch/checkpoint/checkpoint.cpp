#include "launch/checkpoint/checkpoint.h"

#include <set>
#include <utility>

#include "launch/checkpoint/sharded_source.h"

namespace fgm {
namespace {

std::set<std::string> files_of(const Manifest& manifest, const std::string& role) {
  std::set<std::string> files;
  for (const auto& [key, tensor] : manifest.tensors) {
    if (tensor.role != role) continue;
    for (const auto& slice : tensor.slices) files.insert(slice.file);
  }
  return files;
}

}  // namespace

Checkpoint::Checkpoint(StepFolder folder) : folder_(std::move(folder)) {
  folder_.require_well();
}

Checkpoint Checkpoint::open(const std::filesystem::path& folder) {
  return Checkpoint(read_step_folder(folder));
}

Checkpoint Checkpoint::open_head(const std::filesystem::path& folder) {
  return Checkpoint(read_head(folder));
}

std::vector<std::string> Checkpoint::roles() const {
  std::set<std::string> roles;
  for (const auto& [key, tensor] : manifest().tensors) roles.insert(tensor.role);
  return {roles.begin(), roles.end()};
}

void Checkpoint::verify_file(const std::string& name) const {
  FolderFile file = find_file(folder_, name);
  check_digest(folder_, file);
  folder_.require_well(file);
}

void Checkpoint::verify(int part, int num_parts) const {
  int number = 0;
  for (const auto& [name, file] : manifest().files) {
    if (number++ % num_parts == part) verify_file(name);
  }
}

void Checkpoint::require_role(const std::string& role) const {
  for (const auto& name : files_of(manifest(), role)) folder_.require_well(find_file(folder_, name));
}

void Checkpoint::verify_role(const std::string& role) const {
  for (const auto& name : files_of(manifest(), role)) verify_file(name);
}

std::unique_ptr<TensorSource> Checkpoint::source(const std::string& role) const {
  return std::make_unique<ShardedSource>(folder(), manifest(), role);
}

}  // namespace fgm
