#include "core/models/clip_text_encoder.h"

#include "core/base/error.h"
#include "core/models/token_ids.h"
#include "core/nn/attention.h"
#include "core/nn/layers.h"
#include "core/nn/linear_function.h"

namespace fgm {
namespace {

// {ids [N,L]} to {x [N,L,W]}.
class ClipEmbedBlock : public Block {
 public:
  ClipEmbedBlock(const ClipTextConfig& config, const at::TensorOptions& options)
      : tokens_(at::empty({config.vocab_size, config.width}, options)),
        positions_(at::empty({config.num_positions, config.width}, options)) {}

  TensorList forward(const TensorList& inputs) override {
    return {at::embedding(tokens_, inputs[0]) + positions_.narrow(0, 0, inputs[0].size(1))};
  }
  void visit(const TensorVisitor& visitor) override {
    visitor("text_model.embeddings.token_embedding.weight", tokens_);
    visitor("text_model.embeddings.position_embedding.weight", positions_);
  }
  const std::string& name() const override { return name_; }

 private:
  std::string name_ = "embed";
  at::Tensor tokens_, positions_;
};

// {x [N,L,W]} to the same.
class ClipLayerBlock : public Block {
 public:
  ClipLayerBlock(const ClipTextConfig& config, int64_t index, const at::TensorOptions& options)
      : name_(fmt::format("text_model.encoder.layers.{}", index)),
        num_heads_(config.num_heads),
        has_quick_gelu_(config.has_quick_gelu),
        norm_1_(config.width, config.norm_eps, options),
        norm_2_(config.width, config.norm_eps, options),
        q_(config.width, config.width, options),
        k_(config.width, config.width, options),
        v_(config.width, config.width, options),
        out_(config.width, config.width, options),
        fc1_(config.width, config.mlp_width, options),
        fc2_(config.mlp_width, config.width, options) {}

  TensorList forward(const TensorList& inputs) override {
    const auto norm = norm_1_(inputs[0]);
    const auto heads = [&](const Linear& layer) { return layer(norm).unflatten(2, {num_heads_, -1}); };
    const auto x = inputs[0] + out_(attend(heads(q_), heads(k_), heads(v_), {.is_causal = true}));
    const auto hidden = fc1_(norm_2_(x));
    return {x + fc2_(has_quick_gelu_ ? hidden * at::sigmoid(1.702 * hidden) : at::gelu(hidden))};
  }
  void visit(const TensorVisitor& visitor) override {
    norm_1_.visit(name_ + ".layer_norm1", visitor);
    norm_2_.visit(name_ + ".layer_norm2", visitor);
    q_.visit(name_ + ".self_attn.q_proj", visitor);
    k_.visit(name_ + ".self_attn.k_proj", visitor);
    v_.visit(name_ + ".self_attn.v_proj", visitor);
    out_.visit(name_ + ".self_attn.out_proj", visitor);
    fc1_.visit(name_ + ".mlp.fc1", visitor);
    fc2_.visit(name_ + ".mlp.fc2", visitor);
  }
  const std::string& name() const override { return name_; }

 private:
  std::string name_;
  int64_t num_heads_;
  bool has_quick_gelu_;
  LayerNorm norm_1_, norm_2_;
  Linear q_, k_, v_, out_, fc1_, fc2_;
};

// {x [N,W]} at the end of the text to {pooled [N,P]}.
class ClipFinalBlock : public Block {
 public:
  ClipFinalBlock(const ClipTextConfig& config, const at::TensorOptions& options)
      : norm_(config.width, config.norm_eps, options) {
    if (config.projection_width > 0) projection_ = at::empty({config.projection_width, config.width}, options);
  }

  TensorList forward(const TensorList& inputs) override {
    const auto pooled = norm_(inputs[0]);
    return {projection_.defined() ? project(pooled, projection_) : pooled};
  }
  void visit(const TensorVisitor& visitor) override {
    norm_.visit("text_model.final_layer_norm", visitor);
    if (projection_.defined()) visitor("text_projection.weight", projection_);
  }
  const std::string& name() const override { return name_; }

 private:
  std::string name_ = "final";
  LayerNorm norm_;
  at::Tensor projection_;
};

}  // namespace

void ClipTextConfig::validate() const {
  require<ConfigError>(vocab_size >= 1 && num_positions >= 1 && width >= 1 && mlp_width >= 1 && num_layers >= 1,
                       "a CLIP text encoder of {} layers, {} wide with {} in its MLPs, {} tokens and {} positions: all "
                       "must be above 0",
                       num_layers, width, mlp_width, vocab_size, num_positions);
  require<ConfigError>(num_heads >= 1 && width % num_heads == 0,
                       "a CLIP text encoder of width {} cannot have {} heads: they must divide it", width, num_heads);
}

ClipTextEncoder::ClipTextEncoder(const ClipTextConfig& config, const at::TensorOptions& options) : config_(config) {
  config.validate();
  add<ClipEmbedBlock>(config, options);
  for (int64_t i = 0; i < config.num_layers; ++i) add<ClipLayerBlock>(config, i, options);
  add<ClipFinalBlock>(config, options);
}

ClipText ClipTextEncoder::encode(const at::Tensor& ids_NL) {
  check_token_ids(ids_NL, config_.vocab_size, "CLIP");
  require<ConfigError>(ids_NL.size(1) <= config_.num_positions, "a prompt of {} tokens; CLIP takes {}", ids_NL.size(1),
                       config_.num_positions);
  const at::NoGradGuard no_grad;
  auto x = run(*blocks().front(), {ids_NL})[0];
  at::Tensor before_last;
  for (size_t i = 1; i + 1 < blocks().size(); ++i) {
    before_last = x;
    x = run(*blocks()[i], {x})[0];
  }
  const auto end_N = config_.eos_token ? (ids_NL == *config_.eos_token).to(at::kInt).argmax(1) : ids_NL.argmax(1);
  const auto at_end = x.index({at::arange(ids_NL.size(0), ids_NL.options()), end_N});
  return {before_last, run(*blocks().back(), {at_end})[0]};
}

}  // namespace fgm
