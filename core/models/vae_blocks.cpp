#include "core/models/vae_blocks.h"

#include <fmt/format.h>

#include "core/nn/attention.h"

namespace fgm {
namespace {

void visit_blocks(std::vector<ResBlock>& blocks, const std::string& prefix, const TensorVisitor& visitor) {
  for (size_t i = 0; i < blocks.size(); ++i) blocks[i].visit(fmt::format("{}.block.{}", prefix, i), visitor);
}

}  // namespace

ResBlock::ResBlock(int64_t num_in, int64_t num_out, int64_t norm_groups, const at::TensorOptions& options)
    : norm1(norm_groups, num_in, options),
      norm2(norm_groups, num_out, options),
      conv1(num_in, num_out, {}, options),
      conv2(num_out, num_out, {}, options) {
  if (num_in != num_out) nin_shortcut.emplace(num_in, num_out, k1x1, options);
}

at::Tensor ResBlock::operator()(const at::Tensor& x_BCHW) const {
  const auto update = conv2(at::silu(norm2(conv1(at::silu(norm1(x_BCHW))))));
  return (nin_shortcut ? (*nin_shortcut)(x_BCHW) : x_BCHW) + update;
}

void ResBlock::visit(const std::string& prefix, const TensorVisitor& visitor) {
  norm1.visit(prefix + ".norm1", visitor);
  conv1.visit(prefix + ".conv1", visitor);
  norm2.visit(prefix + ".norm2", visitor);
  conv2.visit(prefix + ".conv2", visitor);
  if (nin_shortcut) nin_shortcut->visit(prefix + ".nin_shortcut", visitor);
}

PixelAttention::PixelAttention(int64_t channels, int64_t norm_groups, const at::TensorOptions& options)
    : norm(norm_groups, channels, options),
      q(channels, channels, k1x1, options),
      k(channels, channels, k1x1, options),
      v(channels, channels, k1x1, options),
      proj_out(channels, channels, k1x1, options) {}

at::Tensor PixelAttention::operator()(const at::Tensor& x_BCHW) const {
  const auto normed = norm(x_BCHW);
  const auto one_head = [](const at::Tensor& map_BCHW) { return map_BCHW.flatten(2).transpose(1, 2).unsqueeze(2); };
  const auto out_BLC = attend(one_head(q(normed)), one_head(k(normed)), one_head(v(normed)));
  return x_BCHW + proj_out(out_BLC.transpose(1, 2).reshape(x_BCHW.sizes()));
}

void PixelAttention::visit(const std::string& prefix, const TensorVisitor& visitor) {
  norm.visit(prefix + ".norm", visitor);
  q.visit(prefix + ".q", visitor);
  k.visit(prefix + ".k", visitor);
  v.visit(prefix + ".v", visitor);
  proj_out.visit(prefix + ".proj_out", visitor);
}

MiddleBlock::MiddleBlock(int64_t channels, int64_t norm_groups, const at::TensorOptions& options)
    : block_1(channels, channels, norm_groups, options),
      block_2(channels, channels, norm_groups, options),
      attn_1(channels, norm_groups, options) {}

at::Tensor MiddleBlock::operator()(const at::Tensor& x_BCHW) const {
  return block_2(attn_1(block_1(x_BCHW)));
}

void MiddleBlock::visit(const std::string& prefix, const TensorVisitor& visitor) {
  block_1.visit(prefix + ".block_1", visitor);
  attn_1.visit(prefix + ".attn_1", visitor);
  block_2.visit(prefix + ".block_2", visitor);
}

at::Tensor EncoderLevel::operator()(at::Tensor x_BCHW) const {
  for (const auto& block : blocks) x_BCHW = block(x_BCHW);
  // One row and one column of zeros at the far ends only, as the released weights were trained.
  return downsample ? (*downsample)(at::constant_pad_nd(x_BCHW, {0, 1, 0, 1})) : x_BCHW;
}

void EncoderLevel::visit(const std::string& prefix, const TensorVisitor& visitor) {
  visit_blocks(blocks, prefix, visitor);
  if (downsample) downsample->visit(prefix + ".downsample.conv", visitor);
}

at::Tensor DecoderLevel::operator()(at::Tensor x_BCHW) const {
  for (const auto& block : blocks) x_BCHW = block(x_BCHW);
  if (!upsample) return x_BCHW;
  return (*upsample)(at::upsample_nearest2d(x_BCHW, {2 * x_BCHW.size(2), 2 * x_BCHW.size(3)}));
}

void DecoderLevel::visit(const std::string& prefix, const TensorVisitor& visitor) {
  visit_blocks(blocks, prefix, visitor);
  if (upsample) upsample->visit(prefix + ".upsample.conv", visitor);
}

}  // namespace fgm
