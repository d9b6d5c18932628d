#pragma once

#include <ATen/ATen.h>

namespace fgm {

// x W^T + b over the last dimension, as at::linear: x [..., in], weight [out, in], bias [out].
//
// Float32 on the CPU goes to oneDNN instead of MKL, which keeps to AVX2 on AMD: 255 against 112 GFLOP/s on
// one Zen 5 core for [2048, 128] x [512, 128]^T. Everything else is at::linear. Gradients that nobody needs
// are not computed; second derivatives work, through ATen.
at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

// x W^T, without a bias; where gradients are needed it is at::linear.
at::Tensor project(const at::Tensor& x, const at::Tensor& weight);

}  // namespace fgm
