#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/config/sections.h"
#include "core/eval/frechet.h"
#include "data/store/store.h"
#include "launch/sampling/image_job.h"

namespace fgm {

// Images of so many held-out captions are scored, the store's first; of a smaller store all. Any beginning of a store of
// scenes is balanced (make_shapes()). With 300 the standard error of score.overall is about 0.03, and score.frechet lies
// 0.007 above that of large sets (frechet.h).
inline constexpr int64_t kMostScored = 300;

// The store of run.eval_reference, with captions that the encoder of `text` holds and images of `image_shape`
// {H, W, C}; null where run.eval_every is 0. `is_fixed` as in check_captions(). ConfigError, IoError.
std::shared_ptr<const Store> open_held_out(const RunConfig& run, const TextConfig& text,
                                           const std::vector<int64_t>& image_shape, bool is_fixed);

// Scores a network while it trains: samples images for held-out captions, always the same with the same noise.
class HeldOutScores {
 public:
  // `store` is open_held_out()'s; at most `max_batch` images are sampled at once. The sampler's model and encoder must
  // outlive it. IoError where the images cannot be read.
  HeldOutScores(const Store& store, const ImageSampler& sampler, uint64_t seed, int64_t max_batch);
  HeldOutScores(const HeldOutScores&) = delete;
  HeldOutScores& operator=(const HeldOutScores&) = delete;

  // The scores of the averaged weights of `engine`, whose model is the sampler's: "score.frechet", and
  // "score.overall" where all captions are of the shapes grammar. `decays` is its OptimizerConfig::ema: of the averages
  // after the first they are "score.frechet_0.999" and so on. Collective over the engine's ranks, which all get them.
  std::map<std::string, double> of(ParameterEngine& engine, const std::vector<double>& decays) const;

 private:
  void score(const at::Tensor& images, const std::string& suffix, std::map<std::string, double>& scores) const;

  std::vector<std::string> captions_;
  Gaussian reference_;
  ImageJob job_;
};

}  // namespace fgm
