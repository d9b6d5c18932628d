#pragma once

#include <ATen/ATen.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "data/store/captions.h"
#include "data/store/latent_info.h"
#include "data/store/positioned_file.h"

namespace fgm {

// The newest layout that this program reads (docs/data_format.md). Embeddings and latents are written in it, all else in
// format 1.
inline constexpr int64_t kStoreFormat = 2;

// "captions", "images", "samples", "pairs", "embeddings" or "latents". Reads the header alone; IoError as Store's.
std::string kind_of_store(const std::filesystem::path& path);

// What the index of a set knows of a store.
struct StoreSummary {
  uint64_t bytes = 0;  // of the file
  int64_t records = 0;
  // Of all that Store::digest() is over, by the check-sums that the file has, and of its header.
  std::string fingerprint;
  std::string digest;  // Store::digest()
};

// A read-only HDF5 store of prompts and, optionally, images, their latents, or a teacher's pairs of noise and sample; of
// embeddings it is the prompts, and EmbeddingStore reads the rest. Opening reads and verifies every prompt and keeps
// none: prompts, images, latents and samples stay on the disk and are read with pread where they lie, without the HDF5
// library or a lock. All const member functions may run on any number of threads at once.
class Store : public Captions {
 public:
  // IoError naming the file, what was expected and what to do: missing, not HDF5, truncated, a newer format,
  // an unknown kind, datasets that are missing or disagree in size, a prompt that is not UTF-8 or fails its check-sum,
  // latents that are not all written.
  explicit Store(const std::filesystem::path& path);
  // The same without reading the prompts, but those of pairs; IoError when the file has changed since summary() said so
  // of it.
  Store(const std::filesystem::path& path, const StoreSummary& known);
  ~Store() override;
  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;

  const std::filesystem::path& path() const;
  const std::string& kind() const;           // kind_of_store()'s
  const nlohmann::json& provenance() const;  // how it was made
  int64_t size() const override;             // number of records, at least 1
  std::string caption(int64_t index) const override;
  void each_caption(const std::function<void(std::string_view)>& see) const override;
  std::vector<std::string> prompts() const { return first(size()); }  // all at once
  bool has_images() const;
  std::vector<int64_t> image_shape() const;  // {H, W, C}; empty without images
  bool has_pairs() const;
  std::vector<int64_t> sample_shape() const;  // {C, H, W} of the pairs; empty without

  bool has_latents() const;
  const LatentInfo& latent_info() const;  // needs has_latents()

  // Logs what may surprise whoever takes words and noise from the prompts, which stay as they are: characters that
  // nobody sees, another normal form than that of new prompts. A line for each, when there are any.
  void log_text_remarks() const;

  // 32 hexadecimal digits that two stores share only with equal prompts and images, latents or samples: over the
  // prompts, and over the images' digest or the latents' digests as they were written.
  const std::string& digest() const;
  StoreSummary summary() const;

  // uint8 [n, H, W, C], row i is record indices[i]. Needs has_images() and indices in [0, size()).
  at::Tensor images(std::span<const int64_t> indices) const;
  // Where an image or sample lies in the file. Needs images or pairs; so does what reads its bytes into `row`, which has
  // as many.
  ByteRange place_of_row(int64_t index) const;
  void read_row(int64_t index, std::span<std::byte> row) const;
  // float32 [n, C, H, W] each: the noise that a teacher began with, and its sample, whose values are float16's. Needs
  // has_pairs() and indices in [0, size()).
  struct Pairs {
    at::Tensor noise, samples;
  };
  Pairs pairs(std::span<const int64_t> indices) const;

  // float32 [n, C, h, w] as a velocity model has them, (z - shift_factor) x scaling_factor of the autoencoder that made
  // them, where z = mean + exp(logvar / 2) `eps`; where the store has samples, z is those, and `eps` is not looked at.
  // Needs has_latents(), indices in [0, size()) of one bucket, and `eps` contiguous float32 [n, C, h, w]. DamageError
  // naming a record whose digest disagrees.
  at::Tensor latents(std::span<const int64_t> indices, const at::Tensor& eps) const;

  // Reads every image or sample and throws IoError unless their digest is the one that was written. Costs a pass over
  // the file.
  void verify_images() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

struct StoreContents {
  std::string kind;                  // "images" (to train on), "samples" (drawn by a model), "captions" (no images), or
                                     // "pairs" (by StoreWriter)
  nlohmann::json provenance;         // an object
  std::vector<std::string> prompts;  // UTF-8, one per record, at least one
  at::Tensor images_NHWC = {};       // uint8 on the CPU, or undefined
  int64_t noise_seed = 0;            // of pairs: see StoreWriter
};

// Writes a whole store through a temporary name, fsync and rename; an existing file of that name is replaced
// only by a complete one. Missing folders are made. IoError when it cannot be written (full disk, no permission),
// ConfigError when a prompt is not UTF-8. StoreWriter does it image by image.
void write_store(const std::filesystem::path& path, const StoreContents& contents);

}  // namespace fgm
