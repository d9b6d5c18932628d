#include "launch/checkpoint/checkpoint.h"

#include <set>
#include <system_error>
#include <utility>

#include "core/base/error.h"
#include "launch/checkpoint/checkpoints_folder.h"
#include "launch/checkpoint/sharded_source.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;

// Not there, and not just out of reach: its folder can be listed, and does not name it.
bool is_missing(const fs::path& file) {
  std::error_code error;
  const fs::file_status status = fs::status(file, error);
  if (fs::exists(status)) return false;
  if (status.type() != fs::file_type::not_found) throw IoError(fmt::format("cannot read {}", file.string()), error);
  const auto names = names_in(file.parent_path(), error);
  if (error) throw IoError(fmt::format("cannot list {}", file.parent_path().string()), error);
  return !names.contains(file.filename().string());
}

// What is there instead of the bytes that COMMIT should have.
std::string describe_commit(const std::string& commit, const Manifest& manifest) {
  if (commit.find(manifest.nonce) == std::string::npos) return "is of another attempt at saving this step";
  return fmt::format("does not fit {}: one of the two is damaged", kManifestFile);
}

}  // namespace

Checkpoint::Checkpoint(fs::path folder, Manifest manifest)
    : folder_(std::move(folder)), manifest_(std::move(manifest)) {}

Checkpoint Checkpoint::open(const fs::path& folder) {
  for (const char* name : {kManifestFile, kCommitFile}) {
    require<DamageError>(!is_missing(folder / name), "{}: no {} in it, so it is no complete checkpoint",
                         folder.string(), name);
  }
  const std::string text = read_file(folder / kManifestFile), commit = read_file(folder / kCommitFile);
  Manifest manifest = parse_manifest(text, folder / kManifestFile);
  require<DamageError>(commit == commit_text(text, manifest.nonce), "{} {}", (folder / kCommitFile).string(),
                       describe_commit(commit, manifest));
  const auto misnamed = why_misnamed(folder, manifest.step);
  require<DamageError>(!misnamed, "{} {}", folder.string(), misnamed.value_or(""));
  return {folder, std::move(manifest)};
}

std::vector<std::string> Checkpoint::roles() const {
  std::set<std::string> roles;
  for (const auto& [key, tensor] : manifest_.tensors) roles.insert(tensor.role);
  return {roles.begin(), roles.end()};
}

std::optional<std::string> Checkpoint::wrong_size(const std::string& file) const {
  const fs::path path = folder_ / file;
  const FileDigest& expected = manifest_.files.at(file);
  if (is_missing(path)) return fmt::format("{} is missing", path.string());
  std::error_code error;
  const uintmax_t bytes = fs::file_size(path, error);
  if (error) throw IoError(fmt::format("cannot read {}", path.string()), error);
  if (bytes == expected.bytes) return std::nullopt;
  return fmt::format("{} has {} bytes, the manifest says {}", path.string(), bytes, expected.bytes);
}

std::optional<std::string> Checkpoint::wrong_digest(const std::string& file) const {
  const FileDigest& expected = manifest_.files.at(file);
  const FileDigest found = digest_file(folder_ / file);
  if (found == expected) return std::nullopt;
  return fmt::format("{} is damaged: its xxh128 is {}, the manifest says {}", (folder_ / file).string(), found.xxh128,
                     expected.xxh128);
}

void Checkpoint::require_intact(const std::string& file) const {
  auto problem = wrong_size(file);
  if (!problem) problem = wrong_digest(file);
  require<DamageError>(!problem, "{}", problem.value_or(""));
}

void Checkpoint::verify(int part, int num_parts) const {
  int number = 0;
  for (const auto& [name, file] : manifest_.files) {
    if (number++ % num_parts == part) require_intact(name);
  }
}

void Checkpoint::verify_role(const std::string& role) const {
  std::set<std::string> files;
  for (const auto& [key, tensor] : manifest_.tensors) {
    if (tensor.role != role) continue;
    for (const auto& slice : tensor.slices) files.insert(slice.file);
  }
  for (const auto& file : files) require_intact(file);
}

void Checkpoint::verify_sizes() const {
  for (const auto& [name, file] : manifest_.files) {
    const auto problem = wrong_size(name);
    require<DamageError>(!problem, "{}", problem.value_or(""));
  }
}

std::unique_ptr<TensorSource> Checkpoint::source(const std::string& role) const {
  return std::make_unique<ShardedSource>(folder_, manifest_, role);
}

}  // namespace fgm
