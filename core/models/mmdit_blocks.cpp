#include "core/models/mmdit_blocks.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/nn/modulation.h"

namespace fgm {
namespace {

bool is_last(const MMDiTConfig& config, int64_t index) {
  return index == config.depth - 1;
}

bool is_dual(const MMDiTConfig& config, int64_t index) {
  return std::ranges::count(config.dual_attention_blocks, index) > 0;
}

at::Tensor gated_mlp(const Mlp& mlp, const at::Tensor& x, const std::vector<at::Tensor>& modulation) {
  return gated_residual(x, modulation[5], mlp(modulate(layer_norm(x), modulation[3], modulation[4])));
}

}  // namespace

EmbedBlock::EmbedBlock(const MMDiTConfig& config, const at::TensorOptions& options)
    : x_embedder_(config.in_channels, config.patch_size, config.width(), options),
      t_embedder_(kTimestepFrequencies, config.width(), options),
      y_embedder_(config.pooled_width, config.width(), options),
      context_embedder_(config.context_width, config.width(), options) {}

TensorList EmbedBlock::forward(const TensorList& inputs) {
  const auto &x_t = inputs[0], &t = inputs[1], &context = inputs[2], &pooled = inputs[3];
  const auto condition = t_embedder_(timestep_sinusoid(t)) + y_embedder_(pooled);
  return {x_embedder_(x_t), context_embedder_(context), at::silu(condition)};
}

void EmbedBlock::visit(const TensorVisitor& visitor) {
  x_embedder_.visit("x_embedder.proj", visitor);
  t_embedder_.visit("t_embedder", visitor);
  y_embedder_.visit("y_embedder", visitor);
  context_embedder_.visit("context_embedder", visitor);
}

void EmbedBlock::initialise(const Initialiser& init) {
  x_embedder_.initialise("x_embedder.proj", init);
  t_embedder_.initialise("t_embedder", init);
  y_embedder_.initialise("y_embedder", init);
  context_embedder_.initialise("context_embedder", init);
}

JointBlock::Stream::Stream(const MMDiTConfig& config, bool is_pre_only, bool is_dual, const at::TensorOptions& options)
    : num_chunks(is_pre_only ? 2
                 : is_dual   ? 9
                             : 6),
      ada_norm(config.width(), num_chunks * config.width(), options),
      attn({config.num_heads, config.head_width, config.qk_norm, !is_pre_only}, options) {
  if (is_dual) attn2.emplace(AttentionConfig{config.num_heads, config.head_width, config.qk_norm, true}, options);
  if (!is_pre_only) mlp.emplace(config.width(), config.mlp_ratio * config.width(), options);
}

void JointBlock::Stream::visit(const std::string& prefix, const TensorVisitor& visitor) {
  ada_norm.visit(prefix + ".adaLN_modulation.1", visitor);
  attn.visit(prefix + ".attn", visitor);
  if (attn2) attn2->visit(prefix + ".attn2", visitor);
  if (mlp) mlp->visit(prefix + ".mlp", visitor);
}

void JointBlock::Stream::initialise(const std::string& prefix, const Initialiser& init) {
  ada_norm.initialise_zero();
  attn.initialise(prefix + ".attn", init);
  if (attn2) attn2->initialise(prefix + ".attn2", init);
  if (mlp) mlp->initialise(prefix + ".mlp", init);
}

std::vector<at::Tensor> JointBlock::Stream::modulation(const at::Tensor& silu_condition_BD) const {
  return modulation_chunks(ada_norm(silu_condition_BD), num_chunks);
}

JointBlock::JointBlock(const MMDiTConfig& config, int64_t index, const at::TensorOptions& options)
    : name_(fmt::format("joint_blocks.{}", index)),
      context_(config, is_last(config, index), /*is_dual=*/false, options),
      x_(config, /*is_pre_only=*/false, is_dual(config, index), options) {}

TensorList JointBlock::forward(const TensorList& inputs) {
  const auto &x = inputs[0], &context = inputs[1], &silu_condition = inputs[2];
  const auto x_mod = x_.modulation(silu_condition);
  const auto context_mod = context_.modulation(silu_condition);
  const auto norm_x = layer_norm(x);
  const auto context_in = modulate(layer_norm(context), context_mod[0], context_mod[1]);
  const bool updates_context = context_.mlp.has_value();
  const auto [context_out, x_out] =
      joint_attention(updates_context ? context_.attn.qkv_heads(context_in) : context_.attn.kv_heads(context_in),
                      x_.attn.qkv_heads(modulate(norm_x, x_mod[0], x_mod[1])));
  const auto new_x = update_x(x, norm_x, x_out, x_mod);
  if (!updates_context) return {new_x};
  return {new_x, update_context(context, context_out, context_mod)};
}

at::Tensor JointBlock::update_context(const at::Tensor& context, const at::Tensor& attended,
                                      const std::vector<at::Tensor>& modulation) const {
  return gated_mlp(*context_.mlp, gated_residual(context, modulation[2], (*context_.attn.proj)(attended)), modulation);
}

at::Tensor JointBlock::update_x(const at::Tensor& x, const at::Tensor& norm_x, const at::Tensor& attended,
                                const std::vector<at::Tensor>& modulation) const {
  auto updated = gated_residual(x, modulation[2], (*x_.attn.proj)(attended));
  if (x_.attn2) {
    // It sees the same LN(x) as the joint attention, taken before that one's residual is added (MMDiT-X).
    const auto [q, k, v] = x_.attn2->qkv_heads(modulate(norm_x, modulation[6], modulation[7]));
    updated = gated_residual(updated, modulation[8], (*x_.attn2->proj)(attend(q, k, v)));
  }
  return gated_mlp(*x_.mlp, updated, modulation);
}

void JointBlock::visit(const TensorVisitor& visitor) {
  context_.visit(name_ + ".context_block", visitor);
  x_.visit(name_ + ".x_block", visitor);
}

void JointBlock::initialise(const Initialiser& init) {
  context_.initialise(name_ + ".context_block", init);
  x_.initialise(name_ + ".x_block", init);
}

FinalBlock::FinalBlock(const MMDiTConfig& config, const at::TensorOptions& options)
    : ada_norm_(config.width(), 2 * config.width(), options),
      linear_(config.width(), config.patch_size * config.patch_size * config.in_channels, options) {}

TensorList FinalBlock::forward(const TensorList& inputs) {
  const auto &x = inputs[0], &silu_condition = inputs[1];
  const auto modulation = modulation_chunks(ada_norm_(silu_condition), 2);  // shift, scale
  return {linear_(modulate(layer_norm(x), modulation[0], modulation[1]))};
}

void FinalBlock::visit(const TensorVisitor& visitor) {
  linear_.visit(name_ + ".linear", visitor);
  ada_norm_.visit(name_ + ".adaLN_modulation.1", visitor);
}

void FinalBlock::initialise() {
  linear_.initialise_zero();
  ada_norm_.initialise_zero();
}

}  // namespace fgm
