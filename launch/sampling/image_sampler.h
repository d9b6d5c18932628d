#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/flow/student_generator.h"
#include "core/models/vae.h"
#include "core/nn/text_encoder.h"
#include "core/nn/velocity_model.h"

namespace fgm {

// How noise becomes an image.
struct SampleOptions {
  std::optional<GeneratorConfig> student = {};  // a student's; none: a teacher, by Euler's method
  int64_t steps = 28;                           // of Euler's method
  double shift = 0.0;                           // of SD3's schedule (sampling_times); 0: equally spaced times
  double guidance = 1.0;
  std::vector<int64_t> sample_shape;    // {C, H, W} of the model's samples
  const VaeDecoder* decoder = nullptr;  // of a model of latents; must outlive the sampler
  at::Device device = at::kCPU;
};

// {height, width, channels} of the image that a sample of {C, H, W} is, or that an autoencoder makes of it; null: none.
std::vector<int64_t> image_shape(const std::vector<int64_t>& sample_shape, const VaeConfig* vae);

// Turns noise and captions into images, with a teacher or a student.
// B rows, C channels, H x W of a sample.
class ImageSampler {
 public:
  // Model and encoder must outlive it.
  ImageSampler(VelocityModel& model, const TextEncoder& encoder, const SampleOptions& options)
      : model_(model), encoder_(encoder), options_(options) {}

  const SampleOptions& options() const { return options_; }
  // {height, width, channels} of an image
  std::vector<int64_t> image_shape() const;

  // How many noises an image is made from: one for each step of a student, else one.
  int64_t num_noises() const { return options_.student ? options_.student->num_steps() : 1; }
  // The model's samples of p(x | caption) that the rows of the noises lead to, num_noises() tensors [B, C, H, W]; row i
  // belongs to captions[i].
  at::Tensor sample(std::span<const std::string> captions, std::span<const at::Tensor> noise) const;
  // Those samples as pixels: uint8 [B, height, width, channels] on the CPU.
  at::Tensor to_images(const at::Tensor& samples_BCHW) const;

 private:
  VelocityModel& model_;
  const TextEncoder& encoder_;
  SampleOptions options_;
};

}  // namespace fgm
