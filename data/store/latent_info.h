#pragma once

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace fgm {

// The latents of one size.
struct LatentBucket {
  int64_t height = 0, width = 0;  // of the images, in pixels
  int64_t size = 0;               // records, at least 1

  std::string name() const { return fmt::format("{}x{}", height, width); }
  bool operator==(const LatentBucket&) const = default;
};

// What a file of latents says of itself, finished or not. Records are those of the buckets, one bucket behind the other.
struct LatentInfo {
  std::vector<LatentBucket> buckets;  // at least one, no two of one size
  int64_t channels = 0;               // C of a latent
  int64_t downscale = 1;              // pixels a side of one value
  bool has_logvar = false;            // rows are means, then log-variances: 2C channels; else a sample of each: C
  at::ScalarType dtype = at::kFloat;  // of the file: float, half or bfloat16
  nlohmann::json provenance;          // an object; its member "vae" is vae_identity()'s
  int64_t num_done = 0;               // records that are written

  int64_t size() const;                                    // records
  size_t bucket_of(int64_t record) const;                  // `record` in [0, size())
  std::vector<int64_t> latent_shape(size_t bucket) const;  // {C, h, w}
  std::vector<int64_t> row_shape(size_t bucket) const;     // {C or 2C, h, w}
};

// Reads no record. IoError as Store's.
LatentInfo read_latent_info(const std::filesystem::path& path);

}  // namespace fgm
