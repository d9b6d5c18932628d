#pragma once

#include <ATen/ATen.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

namespace fgm {

// A read-only HDF5 store of prompts and, optionally, images (docs/data_format.md).
// Images are read with pread at the dataset's offset, so any number of threads may read at once.
class Store {
 public:
  // IoError naming the file: missing, not HDF5, no fgm_format, a newer format, a truncated dataset.
  explicit Store(const std::filesystem::path& path);
  ~Store();
  Store(Store&&) noexcept;

  const std::filesystem::path& path() const;
  const std::string& kind() const;                // "images", "samples", ...
  const nlohmann::json& provenance() const;       // how it was made
  int64_t size() const;                           // number of records
  const std::vector<std::string>& prompts() const;
  bool has_images() const;
  std::vector<int64_t> image_shape() const;       // {H, W, C}; empty without images
  at::Tensor images(std::span<const int64_t> indices) const;  // uint8 [n, H, W, C]

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

struct StoreContents {
  std::string kind;
  nlohmann::json provenance;
  std::vector<std::string> prompts;  // one per record
  at::Tensor images_NHWC;            // uint8, or undefined
};

// Writes a whole store through a temporary name, fsync and rename; an existing file of that name is replaced only by a
// complete one. IoError on failure.
void write_store(const std::filesystem::path& path, const StoreContents& contents);

}  // namespace fgm
