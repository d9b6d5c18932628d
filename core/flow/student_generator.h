#pragma once

#include <ATen/ATen.h>

#include <span>
#include <vector>

#include "core/config/sections.h"
#include "core/nn/velocity_model.h"

namespace fgm {

// How a student turns noise into a sample.
struct GeneratorConfig {
  std::vector<double> times = {1.0};  // of its evaluations, falling, in (0, 1]; one of them: a one-step generator
  std::vector<double> mean = {0.0};   // of the data: one value, or one for each channel

  int64_t num_steps() const { return std::ssize(times); }
};

GeneratorConfig generator_of(const MethodConfig& method);

// ConfigError unless `mean` has one value, or one for each of the samples' channels.
void check_mean(const GeneratorConfig& generator, int64_t channels);

// The student's samples after as many steps as `noise` has tensors, each standard normal [B, C, H, W]; returns that
// shape. One evaluation a step, with n_i = noise[i] and g_i the sample after it:
//   x_0 = t_0 n_0 + (1 - t_0) mean,  x_i = t_i n_i + (1 - t_i) g_{i-1},  g_i = x_i - t_i v(x_i, t_i)
// t = 1 is FGM's g(z) = z - v(z, 1), 2.5 / 3.5 = 0.714 SiD's sigma_init = 2.5 (arXiv 2404.04057) on the flow path, and
// noising again between steps is DMD2's student (arXiv 2405.14867, section 4.4). Only the last step has a graph: a
// loss on g_i teaches step i the samples that the steps before it make now.
// ConfigError as check_mean(), unless all of `mean` is 0.
at::Tensor generate(VelocityModel& student, std::span<const at::Tensor> noise, const Conditioning& condition,
                    const GeneratorConfig& generator);

}  // namespace fgm
