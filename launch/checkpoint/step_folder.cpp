#include "launch/checkpoint/step_folder.h"

#include <set>

#include "core/base/error.h"
#include "core/io/file.h"
#include "core/io/safetensors_dtype.h"
#include "launch/checkpoint/checkpoints_folder.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTensorsSuffix = ".safetensors";

void note(FolderFile& file, const std::string& problem) {
  if (file.problem.empty()) file.problem = problem;
}

// What `read` complains about, without the path that the table of files shows anyway; "" when it does not.
template <typename Read>
std::string problem_of(const fs::path& path, const Read& read) {
  try {
    read();
    return "";
  } catch (const IoError& error) {
    std::string message = error.what();
    if (const auto at = message.find(path.string()); at != std::string::npos) {
      const bool has_colon = message.substr(at + path.string().size()).starts_with(": ");
      message.erase(at, path.string().size() + (has_colon ? 2 : 1));
    }
    return message;
  }
}

std::string read_text(FolderFile& file, const fs::path& path) {
  std::string text;
  std::error_code ignored;
  if (fs::status(path, ignored).type() == fs::file_type::not_found) {
    note(file, "is missing: this checkpoint was not finished");
    return text;
  }
  note(file, problem_of(path, [&] { text = read_file(path); }));
  file.bytes = text.size();
  return text;
}

void read_manifest(StepFolder& folder) {
  FolderFile manifest{.name = kManifestFile}, commit{.name = kCommitFile};
  const fs::path path = folder.path / kManifestFile;
  const std::string text = read_text(manifest, path);
  if (manifest.problem.empty()) {
    note(manifest, problem_of(path, [&] { folder.manifest = parse_manifest(text, path); }));
  }
  const std::string seal = read_text(commit, folder.path / kCommitFile);
  if (!folder.manifest) {
    note(commit, "cannot be checked without manifest.json");
  } else if (seal != commit_text(text, folder.manifest->nonce)) {
    note(commit, "does not belong to this manifest.json: one of the two was changed");
  } else {
    note(manifest, why_misnamed(folder.path, folder.manifest->step).value_or(""));
  }
  folder.files = {std::move(manifest), std::move(commit)};
}

// Beside manifest.json and COMMIT.
std::set<std::string> names_of_files(const StepFolder& folder) {
  std::set<std::string> names;
  if (folder.manifest) {
    for (const auto& [name, file] : folder.manifest->files) names.insert(name);
  }
  try {
    for (const auto& entry : fs::directory_iterator(folder.path)) {
      if (!entry.is_directory()) names.insert(entry.path().filename().string());
    }
  } catch (const fs::filesystem_error&) {  // then manifest.json cannot be read either, which is noted
  }
  names.erase(kManifestFile);
  names.erase(kCommitFile);
  return names;
}

FolderFile find_file(const StepFolder& folder, const std::string& name) {
  FolderFile file{.name = name};
  std::error_code missing;
  const auto bytes = fs::file_size(folder.path / name, missing);
  if (missing) {
    note(file, "is missing or no file");
  } else {
    file.bytes = bytes;
  }
  if (!folder.manifest || !folder.manifest->files.contains(name)) return file;
  file.expected = folder.manifest->files.at(name);
  if (file.bytes != file.expected->bytes) {
    note(file, fmt::format("has {} bytes, manifest.json says {}", file.bytes, file.expected->bytes));
  }
  return file;
}

void open_file(FolderFile& file, const fs::path& path) {
  note(file, problem_of(path, [&] { file.content = std::make_shared<const SafetensorsFile>(path); }));
  if (!file.content) return;
  for (const auto& info : file.content->tensors()) file.tensors.emplace(info.name, info);
}

void check_slices(StepFolder& folder) {
  std::map<std::string, FolderFile*> by_name;
  for (auto& file : folder.files) by_name[file.name] = &file;
  for (const auto& [key, tensor] : folder.manifest->tensors) {
    for (const auto& slice : tensor.slices) {
      FolderFile& file = *by_name.at(slice.file);
      if (file.holds(tensor, slice)) continue;
      note(file, fmt::format("has no {} elements {} called {}, as manifest.json says", slice.end - slice.begin,
                             safetensors_dtype_name(tensor.dtype).value_or("?"), tensor.name));
    }
  }
}

}  // namespace

bool FolderFile::holds(const ManifestTensor& tensor, const ManifestSlice& slice) const {
  const auto found = tensors.find(tensor.name);
  return found != tensors.end() && found->second.dtype == tensor.dtype &&
         c10::multiply_integers(found->second.shape) == slice.end - slice.begin;
}

std::vector<std::string> StepFolder::problems() const {
  std::vector<std::string> problems;
  for (const auto& file : files) {
    if (!file.problem.empty()) problems.push_back(file.name + " " + file.problem);
  }
  return problems;
}

uint64_t StepFolder::total_bytes() const {
  uint64_t total = 0;
  for (const auto& file : files) total += file.bytes;
  return total;
}

StepFolder read_step_folder(const fs::path& path) {
  StepFolder folder{.path = path};
  read_manifest(folder);
  for (const auto& name : names_of_files(folder)) folder.files.push_back(find_file(folder, name));
  return folder;
}

void open_tensors(StepFolder& folder) {
  for (auto& file : folder.files) {
    const bool is_part = folder.manifest ? file.expected.has_value() : file.name.ends_with(kTensorsSuffix);
    if (is_part) open_file(file, folder.path / file.name);
  }
  if (folder.manifest) check_slices(folder);
}

void check_digests(StepFolder& folder) {
  for (auto& file : folder.files) {
    if (!file.expected || file.bytes != file.expected->bytes) continue;
    const fs::path path = folder.path / file.name;
    note(file, problem_of(path, [&] {
           const auto seen = digest_file(path).xxh128;
           require<IoError>(seen == file.expected->xxh128, "was changed: its XXH3-128 is {}, manifest.json says {}",
                            seen, file.expected->xxh128);
         }));
  }
}

}  // namespace fgm
