#include "launch/checkpoint/step_folder.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/base/error.h"
#include "core/io/file.h"
#include "launch/checkpoint/checkpoints_folder.h"
#include "launch/checkpoint/sharded_source.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTensorsSuffix = ".safetensors";

void note(FolderFile& file, FileProblem problem) {
  if (!file.problem) file.problem = std::move(problem);
}

// What a message says of `path`, without naming it: "cannot be read: REASON" of "cannot read PATH: REASON".
std::string predicate_of(const std::string& message, const fs::path& path) {
  const auto at = message.find(path.string());
  if (at == std::string::npos) return "cannot be read: " + message;
  const std::string rest = message.substr(at + path.string().size());
  if (at > 0) return "cannot be read" + rest;
  return rest.starts_with(": ") ? "cannot be used" + rest : rest.substr(1);
}

// Notes what `read` complains about.
template <typename Read>
void try_to_read(FolderFile& file, const fs::path& path, const Read& read) {
  try {
    read();
  } catch (const IoError& error) {
    const bool is_damage = dynamic_cast<const DamageError*>(&error) != nullptr;
    note(file, {predicate_of(error.what(), path), is_damage, error.exit_code()});
  }
}

// Whether a file is not there, and not just out of reach: its folder can be listed, and does not name it. IoError when
// that cannot be told.
bool is_missing(const fs::path& file) {
  std::error_code error;
  const fs::file_status status = fs::status(file, error);
  if (fs::exists(status)) return false;
  if (status.type() != fs::file_type::not_found) throw IoError(fmt::format("cannot read {}", file.string()), error);
  const auto names = names_in(file.parent_path(), error);
  if (error) throw IoError(fmt::format("cannot list {}", file.parent_path().string()), error);
  return !names.contains(file.filename().string());
}

// Takes the size of a file, or notes that there is none.
void take_size(FolderFile& file, const fs::path& path, const char* when_missing) {
  try_to_read(file, path, [&] {
    std::error_code error;
    require<DamageError>(!is_missing(path), "{} {}", path.string(), when_missing);
    require<DamageError>(!fs::is_directory(path, error), "{} is a folder, not a file", path.string());
    const uintmax_t bytes = fs::file_size(path, error);
    if (error) throw IoError(fmt::format("cannot read {}", path.string()), error);
    file.bytes = bytes;
  });
}

// The bytes of manifest.json or COMMIT.
std::string read_head_file(FolderFile& file, const fs::path& path) {
  std::string text;
  take_size(file, path, "is missing, so its folder is no complete checkpoint");
  if (!file.problem) try_to_read(file, path, [&] { text = read_file(path); });
  return text;
}

// What is wrong with a COMMIT that does not have the bytes that follow from the manifest.
std::string describe_commit(const std::string& commit, const Manifest& manifest) {
  if (commit.find(manifest.nonce) == std::string::npos) return "is of another attempt at saving this step";
  return fmt::format("does not fit {}: one of the two is damaged", kManifestFile);
}

// Names of the manifest's files and of the folder's, without those of the head. Of a folder that cannot be listed only
// the manifest's, which are then out of reach.
std::set<std::string> names_of_files(const StepFolder& folder) {
  std::set<std::string> names;
  if (folder.manifest) {
    for (const auto& [name, file] : folder.manifest->files) names.insert(name);
  }
  std::error_code ignored;
  for (const auto& name : names_in(folder.path, ignored)) {
    if (!fs::is_directory(folder.path / name, ignored)) names.insert(name);
  }
  names.erase(kManifestFile);
  names.erase(kCommitFile);
  return names;
}

void open_file(FolderFile& file, const fs::path& path) {
  try_to_read(file, path, [&] { file.content = std::make_shared<const SafetensorsFile>(path); });
}

void check_slices(StepFolder& folder) {
  std::map<std::string, FolderFile*> by_name;
  for (auto& file : folder.files) by_name[file.name] = &file;
  for (const auto& [key, tensor] : folder.manifest->tensors) {
    for (const auto& slice : tensor.slices) {
      FolderFile& file = *by_name.at(slice.file);
      if (!file.content || !holds_slice(*file.content, tensor, slice)) note(file, {describe_absent(tensor, slice)});
    }
  }
}

}  // namespace

std::vector<std::string> StepFolder::problems() const {
  std::vector<std::string> problems;
  for (const auto& file : files) {
    if (file.problem) problems.push_back(file.name + " " + file.problem->text);
  }
  return problems;
}

uint64_t StepFolder::total_bytes() const {
  uint64_t total = 0;
  for (const auto& file : files) total += file.bytes;
  return total;
}

void StepFolder::require_well(const FolderFile& file) const {
  if (!file.problem) return;
  const std::string message = fmt::format("{} {}", (path / file.name).string(), file.problem->text);
  if (file.problem->is_damage) throw DamageError(message);
  throw IoError(message, file.problem->exit_code);
}

void StepFolder::require_well() const {
  for (const auto& file : files) {
    if (file.problem && file.problem->is_damage) require_well(file);
  }
  for (const auto& file : files) require_well(file);
}

StepFolder read_head(const fs::path& path) {
  StepFolder folder{.path = path};
  FolderFile manifest{.name = kManifestFile}, commit{.name = kCommitFile};
  const fs::path manifest_path = path / kManifestFile;
  const std::string text = read_head_file(manifest, manifest_path);
  if (!manifest.problem) {
    try_to_read(manifest, manifest_path, [&] { folder.manifest = parse_manifest(text, manifest_path); });
  }
  const std::string seal = read_head_file(commit, path / kCommitFile);
  if (!folder.manifest) {
    note(commit, {fmt::format("cannot be checked without {}", kManifestFile), false});
  } else if (seal != commit_text(text, folder.manifest->nonce)) {
    note(commit, {describe_commit(seal, *folder.manifest)});
  } else if (const auto reason = why_misnamed(path, folder.manifest->step)) {
    note(manifest, {*reason});
  }
  folder.files = {std::move(manifest), std::move(commit)};
  return folder;
}

StepFolder read_step_folder(const fs::path& path) {
  StepFolder folder = read_head(path);
  for (const auto& name : names_of_files(folder)) folder.files.push_back(find_file(folder, name));
  return folder;
}

FolderFile find_file(const StepFolder& folder, const std::string& name) {
  FolderFile file{.name = name};
  const fs::path path = folder.path / name;
  if (!folder.manifest || !folder.manifest->files.contains(name)) {
    std::error_code error;
    const uintmax_t bytes = fs::file_size(path, error);
    if (!error) file.bytes = bytes;
    return file;
  }
  file.expected = folder.manifest->files.at(name);
  take_size(file, path, "is missing");
  if (file.bytes != file.expected->bytes) {
    note(file, {fmt::format("has {} bytes, {} says {}", file.bytes, kManifestFile, file.expected->bytes)});
  }
  return file;
}

void check_digest(const StepFolder& folder, FolderFile& file) {
  if (!file.expected || file.problem) return;
  const fs::path path = folder.path / file.name;
  try_to_read(file, path, [&] {
    const auto found = digest_file(path).xxh128;
    require<DamageError>(found == file.expected->xxh128, "{} is damaged: its xxh128 is {}, {} says {}", path.string(),
                         found, kManifestFile, file.expected->xxh128);
  });
}

void open_tensors(StepFolder& folder) {
  for (auto& file : folder.files) {
    const bool is_part = folder.manifest ? file.expected.has_value() : file.name.ends_with(kTensorsSuffix);
    if (is_part) open_file(file, folder.path / file.name);
  }
  if (folder.manifest) check_slices(folder);
}

}  // namespace fgm
