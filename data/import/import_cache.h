#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "data/store/latent_info.h"

namespace fgm {

// Embeddings or latents that another program has cached, to become a store of format 2.
struct CacheOptions {
  std::filesystem::path from;  // a folder of sd-scripts' .npz or of .pt files, or one .pt file; internal/cached_files.h
  std::filesystem::path out;
  at::ScalarType dtype = at::kFloat;                     // of the store: float, half or bfloat16
  int64_t max_bad = 0;                                   // files that may be skipped, each of them named
  nlohmann::json provenance = nlohmann::json::object();  // what the command adds to it
};

struct CacheReport {
  int64_t written = 0;               // records
  int64_t repeated = 0;              // embeddings of prompts that were there before
  int64_t compared = 0;              // prompts that were compared with those of `like`
  std::vector<std::string> skipped;  // "path: reason"
};

// Both read every file twice: first to know what is sound, then to write it. What was killed goes on with OUT.partial.
// A file that cannot be read, lacks its caption, has other sizes than the first one, or values that are not finite in
// `dtype`, is skipped whole. ConfigError when there is no such file; IoError when none can be used, or more than
// `max_bad` cannot, naming the last one.

// Each prompt once, the first time that it comes. `like` is a store of `fgm encode --text` by the encoders that made the
// cache, or empty. It gives the store its identity ("encoders" of the provenance, else kUnknownEncoders), and the empty
// prompt where the cache has none. Prompts that both have are compared: ConfigError when their embeddings differ by more
// than a tenth of their norm. ConfigError, too, when its sizes are others, or when there is no empty prompt.
CacheReport import_embeddings(const CacheOptions& options, const std::filesystem::path& like);

// One sample of each latent, neither shifted nor scaled; a record for each size that an image was cached in. `vae` says
// the autoencoder's channels and downscale; a file of other channels is skipped.
CacheReport import_latents(const CacheOptions& options, const LatentInfo& vae);

// What would be read, without a file being opened. ConfigError when there is nothing.
size_t count_cached_embeddings(const std::filesystem::path& from);
size_t count_cached_latents(const std::filesystem::path& from);

}  // namespace fgm
