#include <set>

#include "core/base/error.h"
#include "core/config/sections.h"

namespace fgm {

void MMDiTConfig::visit(FieldVisitor& v) {
  v.field("model.in_channels", in_channels, "channels of the images or latents");
  v.field("model.patch_size", patch_size, "pixels on one side of a patch");
  v.field("model.depth", depth, "transformer blocks");
  v.field("model.num_heads", num_heads, "attention heads");
  v.field("model.head_width", head_width, "width of one head; the model's width is num_heads x head_width");
  v.field("model.mlp_ratio", mlp_ratio, "width of the feed-forward layer / width of the model");
  v.field("model.context_width", context_width, "width of the caption's token embeddings");
  v.field("model.pooled_width", pooled_width, "width of the caption's pooled embedding");
  v.field("model.pos_embed_max_size", pos_embed_max_size, "most patches on one side that the position table holds");
  v.field("model.qk_norm", qk_norm, "RMS-normalise queries and keys (SD3.5)");
  v.field("model.dual_attention_blocks", dual_attention_blocks,
          "blocks with a second, image-only attention (SD3.5-medium)");
}

void MMDiTConfig::validate() const {
  require<ConfigError>(in_channels >= 1, "model.in_channels = {} is not at least 1", in_channels);
  require<ConfigError>(patch_size >= 1, "model.patch_size = {} is not at least 1", patch_size);
  require<ConfigError>(depth >= 1, "model.depth = {} is not at least 1", depth);
  require<ConfigError>(num_heads >= 1, "model.num_heads = {} is not at least 1", num_heads);
  require<ConfigError>(head_width >= 1, "model.head_width = {} is not at least 1", head_width);
  require<ConfigError>(width() % 4 == 0,
                       "model.num_heads x model.head_width = {} is not a multiple of 4, which the sine-cosine "
                       "position table needs",
                       width());
  require<ConfigError>(mlp_ratio >= 1, "model.mlp_ratio = {} is not at least 1", mlp_ratio);
  require<ConfigError>(context_width >= 1, "model.context_width = {} is not at least 1", context_width);
  require<ConfigError>(pooled_width >= 1, "model.pooled_width = {} is not at least 1", pooled_width);
  require<ConfigError>(pos_embed_max_size >= 1, "model.pos_embed_max_size = {} is not at least 1", pos_embed_max_size);
  std::set<int64_t> seen;
  for (const int64_t block : dual_attention_blocks) {
    require<ConfigError>(block >= 0 && block < depth,
                         "model.dual_attention_blocks names block {}, which is not one of 0 to {} (model.depth = {})",
                         block, depth - 1, depth);
    require<ConfigError>(seen.insert(block).second, "model.dual_attention_blocks names block {} twice", block);
  }
}

void ModelConfig::visit(FieldVisitor& v) {
  v.choice("model.kind", kind, {"mmdit"}, "the network: mmdit = SD3's MM-DiT");
  switch (kind) {
    case ModelKind::kMMDiT:
      return mmdit.visit(v);
  }
}

void ModelConfig::validate() const {
  switch (kind) {
    case ModelKind::kMMDiT:
      return mmdit.validate();
  }
}

}  // namespace fgm
