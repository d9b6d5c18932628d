#pragma once

#include "tests/support/random_model.h"

namespace fgm::support {

// An MM-DiT with everything that a sharding layer may trip over: q/k norm, so that the last block's context ln_q gets
// no gradient; a dual-attention block; position table. It takes SyntheticSource's context of [B, 3, 2].
inline MMDiTConfig tiny_mmdit_config() {
  return {.in_channels = 2,
          .patch_size = 2,
          .depth = 2,
          .num_heads = 2,
          .head_width = 4,
          .context_width = 2,
          .pooled_width = 5,
          .pos_embed_max_size = 4,
          .qk_norm = true,
          .dual_attention_blocks = {0}};
}

inline const std::vector<int64_t> kTinyShape = {2, 4, 4};

inline std::unique_ptr<VelocityModel> tiny_mmdit(uint64_t seed, at::ScalarType dtype = at::kDouble) {
  return random_model(tiny_mmdit_config(), seed, dtype);
}

}  // namespace fgm::support
