#pragma once

#include "core/train/parameter_engine.h"
#include "launch/sampling/image_batches.h"
#include "launch/sampling/image_list.h"
#include "launch/sampling/image_sampler.h"

namespace fgm {

// Images to be sampled: which, in what batches, and how.
class ImageJob {
 public:
  ImageJob(const ImageSampler& sampler, const ImageList& images, int64_t batch_size)
      : sampler_(sampler), images_(images), batches_{images.size(), batch_size} {}

  const ImageSampler& sampler() const { return sampler_; }
  const ImageList& images() const { return images_; }
  const ImageBatches& batches() const { return batches_; }

  // The model's samples of one batch, float32 [B, C, H, W], and those as images: uint8 [B, H, W, 3] on the CPU.
  at::Tensor samples_of_batch(int64_t batch) const;
  at::Tensor sample_batch(int64_t batch) const;
  // All images, batch by batch.
  at::Tensor sample_all() const;

 private:
  ImageSampler sampler_;
  ImageList images_;
  ImageBatches batches_;
};

// All images of `job`, whose model is `engine`'s, with an average of its weights (ParameterEngine::with_ema).
// Collective over the engine's ranks.
at::Tensor sample_with_average(ParameterEngine& engine, const ImageJob& job, size_t index = 0);

}  // namespace fgm
