#include "launch/cli/generate.h"

#include <algorithm>

#include "core/fgm/ode_sampler.h"
#include "core/fgm/one_step_generator.h"
#include "core/io/pixels.h"

namespace fgm {

at::Tensor draw_pictures(VelocityModel& model, const TextEncoder& encoder, std::span<const std::string> captions,
                         const DrawOptions& options, const std::function<bool(int64_t num_drawn)>& is_cancelled) {
  const at::NoGradGuard no_grad;
  const RandomStream noise_stream(options.seed, "sample.noise");
  const auto place = at::TensorOptions().dtype(at::kFloat).device(options.device);
  const std::vector<std::string> empty_caption = {""};
  const Conditioning null_row = to(encoder.encode(empty_caption), place);
  const auto total = static_cast<int64_t>(captions.size()) * options.per_prompt;

  std::vector<at::Tensor> pictures;
  for (int64_t first = 0; first < total && !is_cancelled(first); first += options.batch) {
    const int64_t count = std::min(options.batch, total - first);
    std::vector<std::string> rows;
    for (int64_t i = first; i < first + count; ++i)
      rows.push_back(captions[static_cast<size_t>(i / options.per_prompt)]);
    const auto noise = noise_stream.normal(0, first, count, options.sample_shape).to(place);
    const Conditioning condition = to(encoder.encode(rows), place);
    const auto images = options.is_one_step ? generate_one_step(model, noise, condition, options.init_time)
                                            : sample_ode(model, noise, {condition, null_row},
                                                         uniform_times(options.steps), options.guidance);
    pictures.push_back(to_pixels(images));
  }
  return pictures.empty() ? at::empty({0}, at::kByte) : at::cat(pictures);
}

}  // namespace fgm
