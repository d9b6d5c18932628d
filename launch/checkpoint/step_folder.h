#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/io/safetensors.h"
#include "launch/checkpoint/manifest.h"

namespace fgm {

// One file that a checkpoint's folder has or should have.
struct FolderFile {
  std::string name;
  uint64_t bytes = 0;  // on disk
  std::optional<FileDigest> expected =
      {};                    // what the manifest says of it; a file that it does not list is no part of it
  std::string problem = {};  // the first thing found wrong; "" when nothing was

  // Both set by open_tensors(), where the file can be read.
  std::shared_ptr<const SafetensorsFile> content = nullptr;
  std::map<std::string, TensorInfo> tensors = {};  // by name

  // Whether the slice of `tensor` that the manifest looks for in this file is in it, and as it should be.
  bool holds(const ManifestTensor& tensor, const ManifestSlice& slice) const;
};

// A checkpoint's folder in whatever state it is: finished, half-written or damaged. Where launch/coordinator's
// Checkpoint throws at the first thing that is wrong, this reads on and notes everything.
struct StepFolder {
  std::filesystem::path path;
  std::optional<Manifest> manifest = {};  // nothing when there is none that can be read
  std::vector<FolderFile> files = {};     // manifest.json, COMMIT, then the rest by name

  // "COMMIT is missing: ...", a line for each file with one.
  std::vector<std::string> problems() const;
  bool is_well() const { return problems().empty(); }
  uint64_t total_bytes() const;
};

// Reads manifest.json and COMMIT, and compares the names and sizes of the files with them: quick, whatever the
// checkpoint's size. A folder that vanishes meanwhile is one whose files are missing.
StepFolder read_step_folder(const std::filesystem::path& path);

// Reads the headers of the safetensors files, and notes every slice that the manifest has and they have not.
void open_tensors(StepFolder& folder);

// Reads all bytes of every file whose digest is known, and notes those that have another one.
void check_digests(StepFolder& folder);

}  // namespace fgm
