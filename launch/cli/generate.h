#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/base/rng.h"
#include "core/nn/velocity_model.h"
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

// Draws per_prompt pictures for every caption, uint8 [captions x per_prompt, H, W, 3], those of one caption together.
// Picture i starts from noise that is a function of (seed, i) alone: two models given the same captions start alike.
// `is_cancelled` is asked between batches; when it says so, the pictures drawn so far are returned.
at::Tensor draw_pictures(VelocityModel& model, const TextEncoder& encoder, std::span<const std::string> captions,
                         const DrawOptions& options, const std::function<bool(int64_t num_drawn)>& is_cancelled);

}  // namespace fgm
