#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/io/safetensors.h"
#include "launch/checkpoint/manifest.h"

namespace fgm {

using OpenFiles = std::map<std::string, std::shared_ptr<const SafetensorsFile>>;  // by name

// One role of a checkpoint, read through the slices that its manifest lists. Not for several threads at once.
class ShardedSource : public TensorSource {
 public:
  // Opens a file that is not in `open_files` when it is first read. IoError when the manifest has no tensor of `role`.
  ShardedSource(std::filesystem::path folder, const Manifest& manifest, const std::string& role,
                OpenFiles open_files = {});

  const std::vector<TensorInfo>& tensors() const override { return infos_; }
  const std::map<std::string, std::string>& metadata() const override;
  // IoError as well when a file does not hold what the manifest says.
  void read(const std::string& name, int64_t begin, const at::Tensor& out) const override;
  std::string place() const override;

 private:
  const SafetensorsFile& file(const std::string& name) const;
  void read_slice(const ManifestTensor& tensor, const ManifestSlice& slice, int64_t begin, const at::Tensor& out) const;

  std::filesystem::path folder_;
  std::string role_;
  std::map<std::string, ManifestTensor> tensors_;  // by name
  std::vector<TensorInfo> infos_;
  std::string first_file_;
  mutable OpenFiles open_files_;
};

// Whether `file` holds a slice as the manifest lists it.
bool holds_slice(const SafetensorsFile& file, const ManifestTensor& tensor, const ManifestSlice& slice);
// What is wrong with a file that does not hold a slice, as the rest of a sentence that begins with its name.
std::string describe_absent(const ManifestTensor& tensor, const ManifestSlice& slice);

}  // namespace fgm
