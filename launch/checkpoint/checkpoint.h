#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/io/tensor_source.h"
#include "launch/checkpoint/manifest.h"
#include "launch/checkpoint/step_folder.h"

namespace fgm {

// A checkpoint (docs/checkpoint_format.md) of which nothing is known to be wrong, opened for reading. Whatever is found
// wrong with a file is a DamageError that names it; when a file could not be read, which says nothing of what it holds,
// that is another IoError.
class Checkpoint {
 public:
  // Requires that manifest.json and COMMIT are well, and that all files are there in their sizes. Compares no digests.
  static Checkpoint open(const std::filesystem::path& folder);
  // Requires that manifest.json and COMMIT are well, for readers that do not need all files, or share the looking.
  static Checkpoint open_head(const std::filesystem::path& folder);

  const std::filesystem::path& folder() const { return folder_.path; }
  const Manifest& manifest() const { return *folder_.manifest; }
  std::vector<std::string> roles() const;  // sorted

  // Requires sizes and digests of every num_parts-th file, from number `part` on, so that ranks share the reading.
  void verify(int part = 0, int num_parts = 1) const;
  // Requires the sizes of the files that hold tensors of `role`, or their digests too.
  void require_role(const std::string& role) const;
  void verify_role(const std::string& role) const;

  // The tensors of a role, whole, whatever number of files their slices lie in; a file is opened when it is first read.
  // The source may outlive the Checkpoint. IoError when there is no such role; read() may throw IoError.
  std::unique_ptr<TensorSource> source(const std::string& role) const;

 private:
  explicit Checkpoint(StepFolder folder);
  void verify_file(const std::string& name) const;

  StepFolder folder_;
};

}  // namespace fgm
