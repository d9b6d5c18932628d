#pragma once

#include "core/nn/velocity_model.h"

namespace fgm {

// The one-step generator g(n) = x* - t* v(x*, t*), x* = t* n, of standard normal noise [B, C, H, W] to samples of that
// shape. t* = init_time in (0, 1]; 1 is the paper's g(z) = z - v(z, 1), 2.5 / 3.5 = 0.714 is SiD's sigma_init = 2.5
// (arXiv 2404.04057) on the flow path. One network evaluation.
at::Tensor generate_one_step(VelocityModel& student, const at::Tensor& noise, const Conditioning& condition,
                             double init_time);

}  // namespace fgm
