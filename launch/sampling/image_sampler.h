#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "core/base/rng.h"
#include "core/models/vae.h"
#include "core/nn/text_encoder.h"
#include "core/nn/velocity_model.h"
#include "core/train/parameter_engine.h"

namespace fgm {

// How noise becomes an image.
struct SampleOptions {
  bool is_one_step = false;  // a student: the one-step generator at init_time; else Euler's method
  double init_time = 1.0;
  int64_t steps = 28;  // of Euler's method
  double shift = 0.0;  // of SD3's schedule (flow_schedule); 0: equally spaced times
  double guidance = 1.0;
  int64_t per_prompt = 1;
  int64_t batch = 1;
  uint64_t seed = 1;
  std::vector<int64_t> sample_shape;  // {C, H, W} of the model's samples
  const Vae* vae = nullptr;           // of a model of latents; must outlive the drawer
  at::Device device = at::kCPU;
};

// Draws per_prompt images for every caption, those of one caption together. Noise is a function of the seed, the
// caption and the image's number among that caption's: two models start alike, and so does a caption in any list, in
// any place of it. Where a caption is there twice the second goes on with the numbers. The network always sees a whole
// batch, a short one filled up, since another number of rows may round otherwise. The captions must outlive it.
class ImageSampler {
 public:
  ImageSampler(VelocityModel& model, const TextEncoder& encoder, std::span<const std::string> captions,
               const SampleOptions& options);

  const SampleOptions& options() const { return options_; }
  int64_t num_images() const { return std::ssize(captions_) * options_.per_prompt; }
  int64_t num_batches() const { return (num_images() + options_.batch - 1) / options_.batch; }

  // {H, W, 3}
  std::vector<int64_t> image_shape() const;
  const std::string& caption(int64_t image) const;
  // The image's number among those of its caption.
  int64_t number(int64_t image) const;

  // Batch `index` is images [index x batch, (index + 1) x batch), fewer at the end.
  int64_t first_of_batch(int64_t index) const { return index * options_.batch; }
  int64_t size_of_batch(int64_t index) const { return std::min(options_.batch, num_images() - first_of_batch(index)); }
  // uint8 [B, H, W, 3] on the CPU.
  at::Tensor draw_batch(int64_t index) const;
  // All of them.
  at::Tensor draw() const;

 private:
  at::Tensor noise(int64_t image) const;

  VelocityModel& model_;
  const TextEncoder& encoder_;
  std::span<const std::string> captions_;
  std::vector<int64_t> occurrence_;  // of each caption: how many before it are the same
  SampleOptions options_;
  RandomStream noise_;
};

// All images of `drawer`, whose model is `engine`'s, with its averaged weights. Collective over the engine's ranks.
at::Tensor draw_with_average(ParameterEngine& engine, const ImageSampler& drawer);

}  // namespace fgm
