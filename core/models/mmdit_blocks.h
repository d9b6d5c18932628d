#pragma once

#include <array>
#include <optional>
#include <string>

#include "core/config/sections.h"
#include "core/nn/attention.h"
#include "core/nn/block.h"
#include "core/nn/embedding.h"
#include "core/nn/layers.h"
#include "core/nn/patch.h"

// The shardable blocks of SD3's MM-DiT (Esser et al., arXiv 2403.03206), with Stability's parameter names.
// B batch, N image tokens, L context tokens, D width, J context width, P pooled width.
namespace fgm {

// {x_t [B,C,H,W], t [B], context [B,L,J], pooled [B,P]} to {tokens [B,N,D] without positions, context
// [B,L,D], SiLU(condition) [B,D]}. Every adaLN layer begins with that SiLU, so it is taken once.
class EmbedBlock : public Block {
 public:
  EmbedBlock(const MMDiTConfig& config, const at::TensorOptions& options);
  TensorList forward(const TensorList& inputs) override;
  void visit(const TensorVisitor& visitor) override;
  void initialise(const Initialiser& init);
  const std::string& name() const override { return name_; }

 private:
  std::string name_ = "embed";
  PatchEmbed x_embedder_;
  VectorEmbedder t_embedder_;
  VectorEmbedder y_embedder_;
  Linear context_embedder_;
};

// {x [B,N,D], context [B,L,D], SiLU(condition) [B,D]} to {x, context}; the last block returns {x} only.
// In the last block the context stream is pre-only: it gives keys and values and is not updated. With q/k
// norm its context ln_q therefore takes part in nothing and gets no gradient; it exists because released
// files hold it.
class JointBlock : public Block {
 public:
  JointBlock(const MMDiTConfig& config, int64_t index, const at::TensorOptions& options);
  TensorList forward(const TensorList& inputs) override;
  void visit(const TensorVisitor& visitor) override;
  void initialise(const Initialiser& init);
  const std::string& name() const override { return name_; }

 private:
  struct Stream {
    Stream(const MMDiTConfig& config, bool is_pre_only, bool is_dual, const at::TensorOptions& options);
    void visit(const std::string& prefix, const TensorVisitor& visitor);
    void initialise(const std::string& prefix, const Initialiser& init);
    std::vector<at::Tensor> modulation(const at::Tensor& silu_condition_BD) const;

    int64_t num_chunks;  // shift, scale[, gate, shift_mlp, scale_mlp, gate_mlp[, shift2, scale2, gate2]]
    Linear ada_norm;     // "adaLN_modulation.1"
    AttentionStream attn;
    std::optional<AttentionStream> attn2;  // SD3.5-medium: image tokens among themselves
    std::optional<Mlp> mlp;
  };

  at::Tensor update_context(const at::Tensor& context, const at::Tensor& attended,
                            const std::vector<at::Tensor>& modulation) const;
  at::Tensor update_x(const at::Tensor& x, const at::Tensor& norm_x, const at::Tensor& attended,
                      const std::vector<at::Tensor>& modulation) const;

  std::string name_;
  Stream context_;
  Stream x_;
};

// {x [B,N,D], SiLU(condition) [B,D]} to {patches [B, N, p p C]}.
class FinalBlock : public Block {
 public:
  FinalBlock(const MMDiTConfig& config, const at::TensorOptions& options);
  TensorList forward(const TensorList& inputs) override;
  void visit(const TensorVisitor& visitor) override;
  void initialise();
  const std::string& name() const override { return name_; }

 private:
  std::string name_ = "final_layer";
  Linear ada_norm_;
  Linear linear_;
};

}  // namespace fgm
