#include "core/nn/attention.h"

#include "core/nn/linear_function.h"

namespace fgm {

AttentionStream::AttentionStream(const AttentionConfig& config, const at::TensorOptions& options)
    : num_heads(config.num_heads), qkv(config.width(), 3 * config.width(), options) {
  if (config.qk_norm) {
    ln_q.emplace(config.head_width, options);
    ln_k.emplace(config.head_width, options);
  }
  if (config.has_output) proj.emplace(config.width(), config.width(), options);
}

HeadsQkv AttentionStream::qkv_heads(const at::Tensor& x_BLD) const {
  auto heads = qkv(x_BLD).view({x_BLD.size(0), x_BLD.size(1), 3, num_heads, -1}).unbind(2);
  return {ln_q ? (*ln_q)(heads[0]) : heads[0], ln_k ? (*ln_k)(heads[1]) : heads[1], heads[2]};
}

HeadsQkv AttentionStream::kv_heads(const at::Tensor& x_BLD) const {
  const int64_t width = x_BLD.size(2);
  const auto kv = linear(x_BLD, qkv.weight.narrow(0, width, 2 * width), qkv.bias.narrow(0, width, 2 * width));
  auto heads = kv.view({x_BLD.size(0), x_BLD.size(1), 2, num_heads, -1}).unbind(2);
  return {{}, ln_k ? (*ln_k)(heads[0]) : heads[0], heads[1]};
}

void AttentionStream::visit(const std::string& prefix, const TensorVisitor& visitor) {
  qkv.visit(prefix + ".qkv", visitor);
  if (ln_q) ln_q->visit(prefix + ".ln_q", visitor);
  if (ln_k) ln_k->visit(prefix + ".ln_k", visitor);
  if (proj) proj->visit(prefix + ".proj", visitor);
}

void AttentionStream::initialise(const std::string& prefix, const Initialiser& init) {
  qkv.initialise(prefix + ".qkv", init);
  if (ln_q) ln_q->initialise();
  if (ln_k) ln_k->initialise();
  if (proj) proj->initialise(prefix + ".proj", init);
}

at::Tensor attend(const at::Tensor& q_BLHK, const at::Tensor& k_BLHK, const at::Tensor& v_BLHK,
                  const AttendOptions& options) {
  const auto out_BHLK =
      at::scaled_dot_product_attention(q_BLHK.transpose(1, 2), k_BLHK.transpose(1, 2), v_BLHK.transpose(1, 2),
                                       options.bias, /*dropout_p=*/0.0, options.is_causal, options.scale);
  return out_BHLK.transpose(1, 2).flatten(2);
}

std::array<at::Tensor, 2> joint_attention(const HeadsQkv& context, const HeadsQkv& x) {
  // Three joins, not one of the fused tensors: the gradient of each stream's split then comes out contiguous.
  const auto k = at::cat({context.k, x.k}, 1);
  const auto v = at::cat({context.v, x.v}, 1);
  if (!context.q.defined()) return {at::Tensor(), attend(x.q, k, v)};
  const auto out = attend(at::cat({context.q, x.q}, 1), k, v);
  const int64_t num_context = context.q.size(1);
  return {out.narrow(1, 0, num_context).contiguous(), out.narrow(1, num_context, x.q.size(1)).contiguous()};
}

}  // namespace fgm
