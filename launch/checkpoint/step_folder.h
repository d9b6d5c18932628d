#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/io/safetensors.h"
#include "launch/checkpoint/manifest.h"

// The one reader of checkpoints. It reads a folder in whatever state it is, finished, half-written or damaged, and
// notes what is wrong with each file. `fgm inspect` shows that; Checkpoint (checkpoint.h) requires that nothing is.
namespace fgm {

// What is wrong with a file, as the rest of a sentence that begins with the file's name: "is missing".
struct FileProblem {
  std::string text;
  bool is_damage = true;  // false: the file could not be read now, or not be checked, and may be whole
  int exit_code = kExitConfig;
};

// One file that a checkpoint's folder has or should have.
struct FolderFile {
  std::string name;
  uint64_t bytes = 0;                       // on disk
  std::optional<FileDigest> expected = {};  // of a file that the manifest lists; the others are no part of it
  std::optional<FileProblem> problem = {};  // the first thing found wrong
  std::shared_ptr<const SafetensorsFile> content = nullptr;  // set by open_tensors(), where the file can be read
};

struct StepFolder {
  std::filesystem::path path;
  std::optional<Manifest> manifest = {};  // nothing when there is none that can be read
  std::vector<FolderFile> files = {};     // manifest.json, COMMIT, then the rest by name

  // "COMMIT is missing, ...": a line for each file with a problem.
  std::vector<std::string> problems() const;
  bool is_well() const { return problems().empty(); }
  uint64_t total_bytes() const;

  // Throws what is wrong with `file`, its path first: DamageError, or IoError when it could not be read.
  void require_well(const FolderFile& file) const;
  // The same for the first file that is damaged; where none is, for the first that could not be read.
  void require_well() const;
};

// Reads manifest.json and COMMIT, and whether they fit each other and the folder's name. Does not look for the files
// that the manifest lists. Throws no IoError, and neither do the others here.
StepFolder read_head(const std::filesystem::path& path);

// Reads the head and looks for all files: quick, whatever the checkpoint's size.
StepFolder read_step_folder(const std::filesystem::path& path);

// Looks for one file, and compares its size with the manifest's.
FolderFile find_file(const StepFolder& folder, const std::string& name);

// Reads all bytes of a file without a problem whose digest is known, and notes when they have another one.
void check_digest(const StepFolder& folder, FolderFile& file);

// Reads the headers of the safetensors files, and notes every slice that the manifest has and they have not.
void open_tensors(StepFolder& folder);

}  // namespace fgm
