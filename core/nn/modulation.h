#pragma once

#include <ATen/ATen.h>

#include <vector>

// B batch, L tokens, D width. Adaptive layer norm of DiT (Peebles and Xie, arXiv 2212.09748, section 3.2).
namespace fgm {

// Splits an adaLN layer's output [B, n D] into n tensors [B, 1, D] that broadcast over tokens.
std::vector<at::Tensor> modulation_chunks(const at::Tensor& modulation_BM, int64_t num_chunks);

// Layer norm over D without affine parameters, eps 1e-6.
at::Tensor layer_norm(const at::Tensor& x_BLD);

// norm (1 + scale) + shift.
at::Tensor modulate(const at::Tensor& norm_BLD, const at::Tensor& shift_B1D, const at::Tensor& scale_B1D);

// x + gate * update.
at::Tensor gated_residual(const at::Tensor& x_BLD, const at::Tensor& gate_B1D, const at::Tensor& update_BLD);

}  // namespace fgm
