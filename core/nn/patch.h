#pragma once

#include "core/nn/layers.h"

// B batch, C channels, H x W pixels, p patch size, h = H/p by w = W/p patches, L = h w tokens (row-major), D width.
namespace fgm {

// A convolution with kernel = stride = p, computed as one matrix product over unfolded patches.
struct PatchEmbed {
  PatchEmbed(int64_t in_channels, int64_t patch_size, int64_t width, const at::TensorOptions& options);
  at::Tensor operator()(const at::Tensor& x_BCHW) const;  // [B, L, D]
  void visit(const std::string& prefix, const TensorVisitor& visitor);
  // Weight, as the matrix [D, C p p]: Xavier uniform; bias: zero.
  void initialise(const std::string& prefix, const Initialiser& init);

  at::Tensor weight;  // [D, C, p, p]
  at::Tensor bias;    // [D]
};

// [B, L, p p C] (row, column, channel; channel fastest) to [B, C, h p, w p].
at::Tensor unpatchify(const at::Tensor& tokens_BLV, int64_t rows, int64_t columns, int64_t patch_size);

}  // namespace fgm
