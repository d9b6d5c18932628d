#include "launch/sampling/image_sampler.h"

#include <algorithm>
#include <unordered_map>

#include "core/base/hash.h"
#include "core/flow/ode_sampler.h"
#include "core/flow/one_step_generator.h"
#include "core/flow/schedules.h"
#include "core/io/pixels.h"

namespace fgm {
namespace {

std::vector<int64_t> count_occurrences(std::span<const std::string> captions) {
  std::unordered_map<std::string_view, int64_t> seen;
  std::vector<int64_t> before;
  for (const auto& caption : captions) before.push_back(seen[caption]++);
  return before;
}

at::Tensor decode(const Vae& vae, const at::Tensor& latents) {
  // One by one: an image of 1024 x 1024 takes gigabytes on the way, and its bits do not depend on its neighbours.
  std::vector<at::Tensor> images;
  for (const auto& latent : latents.split(1)) images.push_back(vae.decode(vae.from_latents(latent)));
  return at::cat(images);
}

}  // namespace

ImageSampler::ImageSampler(VelocityModel& model, const TextEncoder& encoder, std::span<const std::string> captions,
                           const SampleOptions& options)
    : model_(model),
      encoder_(encoder),
      captions_(captions),
      occurrence_(count_occurrences(captions)),
      options_(options),
      noise_(options.seed, "sample.noise") {}

std::vector<int64_t> ImageSampler::image_shape() const {
  const auto& chw = options_.sample_shape;
  if (options_.vae == nullptr) return {chw[1], chw[2], chw[0]};
  const int64_t scale = options_.vae->config().downscale();
  return {chw[1] * scale, chw[2] * scale, options_.vae->config().image_channels};
}

const std::string& ImageSampler::caption(int64_t image) const {
  return captions_[static_cast<size_t>(image / options_.per_prompt)];
}

int64_t ImageSampler::number(int64_t image) const {
  const int64_t before = occurrence_[static_cast<size_t>(image / options_.per_prompt)];
  return before * options_.per_prompt + image % options_.per_prompt;
}

at::Tensor ImageSampler::noise(int64_t image) const {
  constexpr uint64_t kPositive = ~uint64_t{0} >> 1;
  const auto stream_sample = static_cast<int64_t>(hash64(caption(image)) & kPositive);
  return noise_.normal(number(image), stream_sample, 1, options_.sample_shape);
}

at::Tensor ImageSampler::draw_batch(int64_t index) const {
  const at::NoGradGuard no_grad;
  const auto place = at::TensorOptions().dtype(at::kFloat).device(options_.device);
  const int64_t first = first_of_batch(index), count = size_of_batch(index);
  std::vector<std::string> rows;
  std::vector<at::Tensor> noises;
  for (int64_t row = 0; row < options_.batch; ++row) {
    const int64_t image = first + std::min(row, count - 1);  // a last batch is filled up: a whole one's kernels
    rows.push_back(caption(image));
    noises.push_back(noise(image));
  }
  const std::vector<std::string> empty_caption = {""};
  const auto start = at::cat(noises).to(place);
  const Conditioning condition = to(encoder_.encode(rows), place), null_row = to(encoder_.encode(empty_caption), place);
  const auto times =
      options_.shift > 0.0 ? flow_schedule(options_.steps, options_.shift) : uniform_times(options_.steps);
  const auto samples = options_.is_one_step
                           ? generate_one_step(model_, start, condition, options_.init_time)
                           : sample_ode(model_, start, {condition, null_row}, times, options_.guidance);
  const auto drawn = samples.narrow(0, 0, count);
  return to_pixels(options_.vae != nullptr ? decode(*options_.vae, drawn) : drawn);
}

at::Tensor ImageSampler::draw() const {
  std::vector<at::Tensor> batches;
  for (int64_t i = 0; i < num_batches(); ++i) batches.push_back(draw_batch(i));
  return at::cat(batches);
}

at::Tensor draw_with_average(ParameterEngine& engine, const ImageSampler& drawer) {
  at::Tensor images;
  engine.with_ema([&] { images = drawer.draw(); });
  return images;
}

}  // namespace fgm
