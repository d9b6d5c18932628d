#include "launch/job/held_out_scores.h"

#include <algorithm>
#include <numeric>

#include "core/base/error.h"
#include "core/eval/feature_space.h"
#include "core/eval/shapes/faithfulness.h"
#include "launch/text/text_encoder.h"

namespace fgm {
namespace {

int64_t num_scored(const Store& store) {
  return std::min(store.size(), kMostScored);
}

at::Tensor images_of(const Store& store) {
  std::vector<int64_t> records(static_cast<size_t>(num_scored(store)));
  std::iota(records.begin(), records.end(), int64_t{0});
  return store.images(records);
}

Gaussian fit(const at::Tensor& images_NHWC) {
  return fit_gaussian(features_of(random_conv_space(), images_NHWC));
}

}  // namespace

std::shared_ptr<const Store> open_held_out(const RunConfig& run, const TextConfig& text,
                                           const std::vector<int64_t>& image_shape, bool is_fixed) {
  if (run.eval_every == 0) return nullptr;
  auto store = std::make_shared<const Store>(run.eval_reference);
  const auto shape = store->image_shape();
  require<ConfigError>(store->has_images(), "run.eval_reference = {} is a store of {}; one of images is needed",
                       run.eval_reference, store->kind());
  require<ConfigError>(shape == image_shape, "run.eval_reference = {} holds images of {}, and the run makes {}",
                       run.eval_reference, fmt::join(shape, " x "), fmt::join(image_shape, " x "));
  require<ConfigError>(
      shape[0] >= 8 && shape[1] >= 8 && shape[2] == 3 && store->size() >= 2,
      "run.eval_reference = {} holds {} images of {}; scores need two of at least 8 x 8 pixels in 3 channels",
      run.eval_reference, store->size(), fmt::join(shape, " x "));
  check_captions(*store, text, run.eval_reference, is_fixed);
  return store;
}

HeldOutScores::HeldOutScores(const Store& store, const ImageSampler& sampler, uint64_t seed, int64_t max_batch)
    : captions_(store.first(kMostScored)),
      reference_(fit(images_of(store))),
      job_(sampler, ImageList(captions_, /*per_prompt=*/1, seed), std::min(std::ssize(captions_), max_batch)) {}

std::map<std::string, double> HeldOutScores::of(ParameterEngine& engine, const std::vector<double>& decays) const {
  std::map<std::string, double> scores;
  for (size_t i = 0; i < decays.size(); ++i) {
    score(sample_with_average(engine, job_, i), i == 0 ? "" : fmt::format("_{}", decays[i]), scores);
  }
  return scores;
}

void HeldOutScores::score(const at::Tensor& images, const std::string& suffix,
                          std::map<std::string, double>& scores) const {
  scores["score.frechet" + suffix] = frechet_distance(fit(images), reference_);
  if (const auto faithful = shapes::score(captions_, images)) scores["score.overall" + suffix] = faithful->overall();
}

}  // namespace fgm
