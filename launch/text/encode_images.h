#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/formats/sd3_files.h"
#include "data/store/latent_writer.h"
#include "data/store/store.h"
#include "launch/runtime/world.h"

namespace fgm {

// The images of stores, those of one size behind each other: the order of their latents' records.
class ImagesBySize {
 public:
  // At least one store. ConfigError naming one that has no images, or images whose size or channels `vae` does not take.
  ImagesBySize(std::vector<Store> stores, const VaeConfig& vae);

  const std::vector<LatentBucket>& buckets() const { return buckets_; }
  std::vector<std::string> prompts() const;
  std::vector<std::string> digests() const;  // of the stores
  at::Tensor image(int64_t record) const;    // uint8 [1, H, W, C]

 private:
  std::vector<Store> stores_;
  std::vector<LatentBucket> buckets_;
};

// Encodes the images whose records `writer` lacks and writes means and log-variances of the autoencoder's latents, or,
// with `sample_seed`, one sample of each: mean + exp(logvar / 2) eps, where eps is the seed's and the image's, whose
// bytes alone say which; equal images have equal samples. Each image goes alone through the encoder, in float32: the
// same bits on any number of ranks. Each rank has a part of the records. False on all ranks when a signal stopped it.
// Collective over all ranks of `world`, the last of which may still write when this returns on another. Errors are
// those of the weights, the stores and the writer.
bool encode_images(const ImagesBySize& images, const Sd3Vae& vae, std::optional<uint64_t> sample_seed,
                   const LatentWriter& writer, World& world);

}  // namespace fgm
