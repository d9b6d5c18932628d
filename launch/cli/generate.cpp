#include "launch/cli/generate.h"

#include <algorithm>

#include "core/fgm/ode_sampler.h"
#include "core/fgm/one_step_generator.h"
#include "core/io/pixels.h"

namespace fgm {

PictureDrawer::PictureDrawer(VelocityModel& model, const TextEncoder& encoder, std::span<const std::string> captions,
                             const DrawOptions& options)
    : model_(model), encoder_(encoder), captions_(captions), options_(options), noise_(options.seed, "sample.noise") {}

at::Tensor PictureDrawer::draw_batch(int64_t index) const {
  const at::NoGradGuard no_grad;
  const auto place = at::TensorOptions().dtype(at::kFloat).device(options_.device);
  const int64_t first = index * options_.batch;
  const int64_t count = std::min(options_.batch, num_pictures() - first);
  std::vector<std::string> rows;
  for (int64_t i = first; i < first + count; ++i)
    rows.push_back(captions_[static_cast<size_t>(i / options_.per_prompt)]);
  const std::vector<std::string> empty_caption = {""};
  const auto noise = noise_.normal(0, first, count, options_.sample_shape).to(place);
  const Conditioning condition = to(encoder_.encode(rows), place), null_row = to(encoder_.encode(empty_caption), place);
  return to_pixels(options_.is_one_step ? generate_one_step(model_, noise, condition, options_.init_time)
                                        : sample_ode(model_, noise, {condition, null_row},
                                                     uniform_times(options_.steps), options_.guidance));
}

at::Tensor PictureDrawer::draw() const {
  std::vector<at::Tensor> batches;
  for (int64_t i = 0; i < num_batches(); ++i) batches.push_back(draw_batch(i));
  return at::cat(batches);
}

at::Tensor draw_with_average(ParameterEngine& engine, const PictureDrawer& drawer) {
  at::Tensor pictures;
  engine.with_ema([&] { pictures = drawer.draw(); });
  return pictures;
}

}  // namespace fgm
