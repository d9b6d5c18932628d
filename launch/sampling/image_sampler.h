#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/models/vae.h"
#include "core/nn/text_encoder.h"
#include "core/nn/velocity_model.h"

namespace fgm {

// How noise becomes an image.
struct SampleOptions {
  bool is_one_step = false;  // a student: the one-step generator at init_time; else Euler's method
  double init_time = 1.0;
  int64_t steps = 28;  // of Euler's method
  double shift = 0.0;  // of SD3's schedule (sampling_times); 0: equally spaced times
  double guidance = 1.0;
  std::vector<int64_t> sample_shape;    // {C, H, W} of the model's samples
  const VaeDecoder* decoder = nullptr;  // of a model of latents; must outlive the sampler
  at::Device device = at::kCPU;
};

// Turns noise and captions into images, with a teacher or a one-step student.
// B rows, C channels, H x W of a sample.
class ImageSampler {
 public:
  // Model and encoder must outlive it.
  ImageSampler(VelocityModel& model, const TextEncoder& encoder, const SampleOptions& options)
      : model_(model), encoder_(encoder), options_(options) {}

  const SampleOptions& options() const { return options_; }
  // {height, width, channels} of an image
  std::vector<int64_t> image_shape() const;

  // The model's samples of p(x | caption) that the rows of noise_BCHW lead to; row i belongs to captions[i].
  at::Tensor sample(std::span<const std::string> captions, const at::Tensor& noise_BCHW) const;
  // Those samples as pixels: uint8 [B, height, width, channels] on the CPU.
  at::Tensor to_images(const at::Tensor& samples_BCHW) const;

 private:
  VelocityModel& model_;
  const TextEncoder& encoder_;
  SampleOptions options_;
};

}  // namespace fgm
