#pragma once

#include <cstdint>
#include <optional>

#include "core/nn/network.h"

// N prompts, L tokens, W width, P projection.
namespace fgm {

struct ClipTextConfig {
  int64_t vocab_size = 49408;
  int64_t num_positions = 77;
  int64_t width = 768;
  int64_t num_layers = 12;
  int64_t num_heads = 12;
  int64_t mlp_width = 3072;
  bool has_quick_gelu = true;    // x sigmoid(1.702 x), CLIP-L's; else the exact GELU, CLIP-G's
  int64_t projection_width = 0;  // of text_projection; 0: there is none
  double norm_eps = 1e-5;
  // The pooled state is that of its first place, or of the first token where there is none; without it, of the first
  // place of the largest id. transformers tells the two by a config's eos_token_id: 2, which every released SD3 has, is
  // the second.
  std::optional<int64_t> eos_token = std::nullopt;

  void validate() const;  // ConfigError
};

// What a diffusion model takes of CLIP.
struct ClipText {
  at::Tensor hidden_NLW;  // before the last layer, without the final norm
  at::Tensor pooled_NP;   // after the last layer and the final norm, at the end of the text, projected if P is there
};

// The text half of CLIP (Radford et al., arXiv 2103.00020), as transformers' CLIPTextModel. Blocks: "embed", one a
// layer, "final". Parameter names are transformers' CLIPTextModelWithProjection's
// ("text_model.encoder.layers.0.mlp.fc1.bias", "text_projection.weight"). For use only: it gives no gradients.
class ClipTextEncoder : public BlockSequence {
 public:
  // ConfigError when the sizes do not fit together. Parameters are allocated, not initialised. float32, bfloat16 or
  // float16.
  ClipTextEncoder(const ClipTextConfig& config, const at::TensorOptions& options);

  // ids [N, L] int64 with their special tokens and padding, L <= num_positions, on the parameters' device; returns the
  // parameters' dtype. ConfigError when the ids are not of this vocabulary or too many.
  ClipText encode(const at::Tensor& ids_NL);

 private:
  ClipTextConfig config_;
};

}  // namespace fgm
