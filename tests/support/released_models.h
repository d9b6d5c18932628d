#pragma once

#include "core/config/sections.h"

namespace fgm {

// The sizes of the released models; the position tables count beside the parameters.
inline MMDiTConfig sd3_medium() {
  return {.in_channels = 16,
          .patch_size = 2,
          .depth = 24,
          .num_heads = 24,
          .head_width = 64,
          .context_width = 4096,
          .pooled_width = 2048,
          .pos_embed_max_size = 192};
}

inline MMDiTConfig sd35_medium() {
  MMDiTConfig config = sd3_medium();
  config.pos_embed_max_size = 384;
  config.qk_norm = true;
  config.dual_attention_blocks = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  return config;
}

inline MMDiTConfig sd35_large() {
  MMDiTConfig config = sd3_medium();
  config.depth = config.num_heads = 38;
  config.qk_norm = true;
  return config;
}

}  // namespace fgm
