#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/base/rng.h"
#include "core/nn/velocity_model.h"
#include "core/train/parameter_engine.h"
#include "data/text/text_encoder.h"

namespace fgm {

// How noise becomes a picture.
struct DrawOptions {
  bool is_one_step = false;  // a student: the one-step generator at init_time; else Euler's method
  double init_time = 1.0;
  int64_t steps = 28;  // of Euler's method
  double guidance = 1.0;
  int64_t per_prompt = 1;
  int64_t batch = 64;
  uint64_t seed = 1;
  std::vector<int64_t> sample_shape;  // {C, H, W}
  at::Device device = at::kCPU;
};

// Draws per_prompt pictures for every caption, those of one caption together. Picture i starts from noise that is a
// function of (seed, i) alone: two models given the same captions start alike. The captions must outlive it.
class PictureDrawer {
 public:
  PictureDrawer(VelocityModel& model, const TextEncoder& encoder, std::span<const std::string> captions,
                const DrawOptions& options);

  const DrawOptions& options() const { return options_; }
  int64_t num_pictures() const { return std::ssize(captions_) * options_.per_prompt; }
  int64_t num_batches() const { return (num_pictures() + options_.batch - 1) / options_.batch; }

  // Pictures [index x batch, (index + 1) x batch), fewer at the end: uint8 [B, H, W, 3] on the CPU.
  at::Tensor draw_batch(int64_t index) const;
  // All of them.
  at::Tensor draw() const;

 private:
  VelocityModel& model_;
  const TextEncoder& encoder_;
  std::span<const std::string> captions_;
  DrawOptions options_;
  RandomStream noise_;
};

// All pictures of `drawer`, whose model is `engine`'s, with its averaged weights. Collective over the engine's ranks.
at::Tensor draw_with_average(ParameterEngine& engine, const PictureDrawer& drawer);

}  // namespace fgm
