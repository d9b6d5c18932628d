#pragma once

#include <optional>

#include "core/nn/conv.h"

// The parts of a latent-diffusion autoencoder (Rombach et al., arXiv 2112.10752), with Stability's parameter names.
// B batch, C channels, H x W pixels.
namespace fgm {

// x + conv2(SiLU(norm2(conv1(SiLU(norm1(x)))))); a 1x1 convolution takes x to another number of channels.
struct ResBlock {
  ResBlock(int64_t num_in, int64_t num_out, int64_t norm_groups, const at::TensorOptions& options);
  at::Tensor operator()(const at::Tensor& x_BCHW) const;
  void visit(const std::string& prefix, const TensorVisitor& visitor);

  GroupNorm norm1, norm2;
  Conv2d conv1, conv2;
  std::optional<Conv2d> nin_shortcut;
};

// x + proj_out(attention of one head over the pixels of norm(x)).
struct PixelAttention {
  PixelAttention(int64_t channels, int64_t norm_groups, const at::TensorOptions& options);
  at::Tensor operator()(const at::Tensor& x_BCHW) const;
  void visit(const std::string& prefix, const TensorVisitor& visitor);

  GroupNorm norm;
  Conv2d q, k, v, proj_out;  // 1x1
};

// Res block, attention, res block: the middle of encoder and decoder.
struct MiddleBlock {
  MiddleBlock(int64_t channels, int64_t norm_groups, const at::TensorOptions& options);
  at::Tensor operator()(const at::Tensor& x_BCHW) const;
  void visit(const std::string& prefix, const TensorVisitor& visitor);

  ResBlock block_1, block_2;
  PixelAttention attn_1;
};

// The res blocks of one resolution and the convolution that halves (encoder) or doubles (decoder) it; the last level
// of either has none.
struct EncoderLevel {
  at::Tensor operator()(at::Tensor x_BCHW) const;
  void visit(const std::string& prefix, const TensorVisitor& visitor);

  std::vector<ResBlock> blocks;
  std::optional<Conv2d> downsample;
};

struct DecoderLevel {
  at::Tensor operator()(at::Tensor x_BCHW) const;
  void visit(const std::string& prefix, const TensorVisitor& visitor);

  std::vector<ResBlock> blocks;
  std::optional<Conv2d> upsample;
};

}  // namespace fgm
