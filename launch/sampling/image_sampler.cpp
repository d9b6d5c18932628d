#include "launch/sampling/image_sampler.h"

#include "core/flow/ode_sampler.h"
#include "core/flow/one_step_generator.h"
#include "core/flow/schedules.h"
#include "core/io/pixels.h"

namespace fgm {
namespace {

at::Tensor decode(const VaeDecoder& decoder, const at::Tensor& latents) {
  // One by one: an image of 1024 x 1024 takes gigabytes on the way, and its bits do not depend on its neighbours.
  std::vector<at::Tensor> images;
  for (const auto& latent : latents.split(1)) images.push_back(decoder.decode(decoder.from_latents(latent)));
  return at::cat(images);
}

}  // namespace

std::vector<int64_t> ImageSampler::image_shape() const {
  const auto& chw = options_.sample_shape;
  if (options_.decoder == nullptr) return {chw[1], chw[2], chw[0]};
  const VaeConfig& vae = options_.decoder->config();
  return {chw[1] * vae.downscale(), chw[2] * vae.downscale(), vae.image_channels};
}

at::Tensor ImageSampler::sample(std::span<const std::string> captions, const at::Tensor& noise_BCHW) const {
  const at::NoGradGuard no_grad;
  const auto tensors = at::TensorOptions().dtype(at::kFloat).device(options_.device);
  const auto start = noise_BCHW.to(tensors);
  const Conditioning condition = to(encoder_.encode(captions), tensors);
  if (options_.is_one_step) return generate_one_step(model_, start, condition, options_.init_time);
  const std::string empty_caption;
  const Conditioning null_row = to(encoder_.encode({&empty_caption, 1}), tensors);
  const auto times = sampling_times(options_.steps, options_.shift);
  return sample_ode(model_, start, {condition, null_row}, times, options_.guidance);
}

at::Tensor ImageSampler::to_images(const at::Tensor& samples_BCHW) const {
  const at::NoGradGuard no_grad;
  return to_pixels(options_.decoder != nullptr ? decode(*options_.decoder, samples_BCHW) : samples_BCHW);
}

}  // namespace fgm
