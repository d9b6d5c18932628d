#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/io/safetensors.h"
#include "launch/checkpoint/manifest.h"

namespace fgm {

// One role of a checkpoint, read through the slices that its manifest lists. Not for several threads at once.
class ShardedSource : public TensorSource {
 public:
  // IoError when the manifest has no tensor of `role`.
  ShardedSource(std::filesystem::path folder, const Manifest& manifest, const std::string& role);

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
  mutable std::map<std::string, SafetensorsFile> open_files_;
};

}  // namespace fgm
