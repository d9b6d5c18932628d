#pragma once

#include <array>
#include <optional>

#include "core/nn/layers.h"

// B batch, L tokens, D width, H heads, K head width; D = H K.
namespace fgm {

struct AttentionConfig {
  int64_t num_heads = 0;
  int64_t head_width = 0;
  bool qk_norm = false;    // RMS norm of every head of q and k
  bool has_output = true;  // false: no output projection (the last block's context stream)

  int64_t width() const { return num_heads * head_width; }
};

// Queries, keys and values of one stream, each [B, L, H, K]; q is undefined where it is not wanted.
struct HeadsQkv {
  at::Tensor q, k, v;
};

// One stream's side of an attention: the fused projection (rows q, k, v), the norms and the output projection.
struct AttentionStream {
  AttentionStream(const AttentionConfig& config, const at::TensorOptions& options);
  HeadsQkv qkv_heads(const at::Tensor& x_BLD) const;
  // Without the rows of q: what the last block needs of its context stream.
  HeadsQkv kv_heads(const at::Tensor& x_BLD) const;
  void visit(const std::string& prefix, const TensorVisitor& visitor);
  void initialise(const std::string& prefix, const Initialiser& init);

  int64_t num_heads;
  Linear qkv;
  std::optional<RmsNorm> ln_q, ln_k;
  std::optional<Linear> proj;
};

struct AttendOptions {
  std::optional<at::Tensor> bias = std::nullopt;  // added to the scores: [B or 1, H, L of q, L of k]
  bool is_causal = false;                         // a token attends to itself and those before it
  std::optional<double> scale = std::nullopt;     // in place of 1 / sqrt(K)
};

// softmax(q k^T / sqrt(K)) v of [B, L, H, K] tensors, unmasked unless asked otherwise; returns [B, L of q, D].
at::Tensor attend(const at::Tensor& q_BLHK, const at::Tensor& k_BLHK, const at::Tensor& v_BLHK,
                  const AttendOptions& options = {});

// Attention over the sequence [context, x] (Stability's order; diffusers' is the other: equal but for
// rounding). Returns {context, x} after attention, before the output projections; the context's is undefined
// when its q is.
std::array<at::Tensor, 2> joint_attention(const HeadsQkv& context, const HeadsQkv& x);

}  // namespace fgm
