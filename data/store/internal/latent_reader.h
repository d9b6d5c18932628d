#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <filesystem>
#include <span>

#include "data/store/internal/latent_file.h"

namespace fgm {

// Reads the latents of a finished store as a velocity model has them: see Store::latents().
class LatentReader {
 public:
  // IoError as LatentFile's, when records are not written yet, and when the provenance lacks the autoencoder's scale.
  explicit LatentReader(const std::filesystem::path& path);

  const LatentFile& file() const { return file_; }
  at::Tensor read(std::span<const int64_t> indices, const at::Tensor& eps) const;

 private:
  LatentFile file_;
  float shift_ = 0, scaling_ = 1;  // z -> (z - shift) x scaling
};

}  // namespace fgm
