#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/io/tensor_source.h"
#include "launch/checkpoint/manifest.h"

namespace fgm {

// A complete checkpoint folder (docs/checkpoint_format.md), opened for reading.
class Checkpoint {
 public:
  // Reads COMMIT and manifest.json, not the files they vouch for. DamageError naming the file and what is wrong with
  // it: one of the two is missing, COMMIT is not what follows from the manifest, parse_manifest() refuses it; and
  // when the folder has the name of another step than the one that it holds. Another
  // IoError, here and below, when something could not be read, which says nothing of what it holds.
  static Checkpoint open(const std::filesystem::path& folder);

  const std::filesystem::path& folder() const { return folder_; }
  const Manifest& manifest() const { return manifest_; }
  std::vector<std::string> roles() const;  // sorted

  // What is wrong with the size of a listed file, or with its digest: one line naming it; nothing when all is well.
  std::optional<std::string> wrong_size(const std::string& file) const;
  std::optional<std::string> wrong_digest(const std::string& file) const;

  // Compares sizes and digests of every num_parts-th file, from number `part` on, so that ranks share the reading.
  // DamageError naming the first file that is missing or damaged.
  void verify(int part = 0, int num_parts = 1) const;
  // The same for the files that hold tensors of `role`.
  void verify_role(const std::string& role) const;
  // Compares the sizes of all files, and no digests.
  void verify_sizes() const;

  // The tensors of a role, whole, whatever number of files their slices lie in; a file is opened when it is first read.
  // The source may outlive the Checkpoint. IoError when there is no such role; read() may throw IoError.
  std::unique_ptr<TensorSource> source(const std::string& role) const;

 private:
  Checkpoint(std::filesystem::path folder, Manifest manifest);
  void require_intact(const std::string& file) const;

  std::filesystem::path folder_;
  Manifest manifest_;
};

}  // namespace fgm
