#include "launch/sampling/image_sampler.h"

#include "core/flow/ode_sampler.h"
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

std::vector<int64_t> image_shape(const std::vector<int64_t>& sample_shape, const VaeConfig* vae) {
  const int64_t height = sample_shape[1], width = sample_shape[2];
  if (vae == nullptr) return {height, width, sample_shape[0]};
  return {height * vae->downscale(), width * vae->downscale(), vae->image_channels};
}

std::vector<int64_t> ImageSampler::image_shape() const {
  return fgm::image_shape(options_.sample_shape, options_.decoder != nullptr ? &options_.decoder->config() : nullptr);
}

at::Tensor ImageSampler::sample(std::span<const std::string> captions, std::span<const at::Tensor> noise) const {
  const at::NoGradGuard no_grad;
  const auto tensors = at::TensorOptions().dtype(at::kFloat).device(options_.device);
  std::vector<at::Tensor> start;
  for (const auto& tensor : noise) start.push_back(tensor.to(tensors));
  const Conditioning condition = to(encoder_.encode(captions), tensors);
  if (options_.student) return generate(model_, start, condition, *options_.student);
  const std::string empty_caption;
  const Conditioning null_row = to(encoder_.encode({&empty_caption, 1}), tensors);
  const auto times = sampling_times(options_.steps, options_.shift);
  return sample_ode(model_, start.at(0), {condition, null_row}, times, options_.guidance);
}

at::Tensor ImageSampler::to_images(const at::Tensor& samples_BCHW) const {
  const at::NoGradGuard no_grad;
  return to_pixels(options_.decoder != nullptr ? decode(*options_.decoder, samples_BCHW) : samples_BCHW);
}

}  // namespace fgm
