#include <algorithm>
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

void UNetConfig::visit(FieldVisitor& v) {
  v.choice("model.flavour", flavour, {"torchcfm", "edm"}, "whose U-Net: torchcfm's, or EDM's DDPM++");
  v.field("model.in_channels", in_channels, "channels of the images");
  v.field("model.image_size", image_size, "pixels on one side of an image");
  v.field("model.channels", channels, "channels that the factors of model.channel_mult multiply");
  v.field("model.channel_mult", channel_mult, "channels of each resolution / model.channels, from fine to coarse");
  v.field("model.num_res_blocks", num_res_blocks, "residual blocks of each resolution on the way down; one more up");
  v.field("model.attention_resolutions", attention_resolutions, "resolutions with attention, in pixels a side");
  v.field("model.num_heads", num_heads, "attention heads");
  v.field("model.norm_groups", norm_groups, "groups of a group norm; edm: fewer where one had less than 4 channels");
  v.field("model.num_classes", num_classes, "classes, of which the caption's pooled embedding names one; 0 = none");
}

void UNetConfig::validate() const {
  require<ConfigError>(in_channels >= 1, "model.in_channels = {} is not at least 1", in_channels);
  require<ConfigError>(channels >= 2 && channels % 2 == 0, "model.channels = {} is not an even number from 2 on",
                       channels);
  require<ConfigError>(num_res_blocks >= 1, "model.num_res_blocks = {} is not at least 1", num_res_blocks);
  require<ConfigError>(num_heads >= 1, "model.num_heads = {} is not at least 1", num_heads);
  require<ConfigError>(norm_groups >= 1, "model.norm_groups = {} is not at least 1", norm_groups);
  require<ConfigError>(num_classes >= 0, "model.num_classes = {} is negative; 0 is for an unconditional network",
                       num_classes);
  require<ConfigError>(!channel_mult.empty() && std::ranges::all_of(channel_mult, [](int64_t m) { return m >= 1; }),
                       "model.channel_mult needs a factor of at least 1 for each resolution");
  const size_t coarsest = channel_mult.size() - 1;
  require<ConfigError>(
      coarsest < 16 && image_size >= 1 && resolution(coarsest) << coarsest == image_size && resolution(coarsest) >= 1,
      "model.image_size = {} cannot be halved {} times, once for each step of model.channel_mult", image_size,
      coarsest);
  for (const int64_t wanted : attention_resolutions) {
    size_t level = 0;
    while (level < coarsest && resolution(level) != wanted) ++level;
    require<ConfigError>(resolution(level) == wanted,
                         "model.attention_resolutions names {}, and the network's resolutions are {} halved {} times",
                         wanted, image_size, coarsest);
  }
}

void ModelConfig::visit(FieldVisitor& v) {
  v.choice("model.kind", kind, {"mmdit", "unet"}, "the network: mmdit = SD3's MM-DiT, unet = the U-Nets of CIFAR-10");
  switch (kind) {
    case ModelKind::kMMDiT:
      return mmdit.visit(v);
    case ModelKind::kUNet:
      return unet.visit(v);
  }
}

void ModelConfig::validate() const {
  switch (kind) {
    case ModelKind::kMMDiT:
      return mmdit.validate();
    case ModelKind::kUNet:
      return unet.validate();
  }
}

}  // namespace fgm
