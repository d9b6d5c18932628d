#include "core/formats/model_family.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "core/formats/sd3_shapes.h"

namespace fgm {
namespace {

struct Sign {
  std::vector<const char*> parts;  // one of them inside a tensor's name
  const char* family;
  const char* also = "";  // inside another's, or the same one's
};

// The first that fits counts: a LoRA of a Flux transformer has names of both.
const std::vector<Sign> kSigns = {
    {{"lora_A", "lora_B", "lora_up", "lora_down", ".lora.", "hada_w1", "hada_w2", "lokr_w1", "lokr_w2"},
     "a LoRA (an adapter, not a model)"},
    {{"controlnet_", "control_model.", "zero_convs."}, "a ControlNet"},
    {{"double_blocks.", "single_transformer_blocks."}, "a Flux transformer"},
    {{"input_blocks.", "down_blocks.0.attentions.", "down_blocks.1.attentions."}, "UNet"},
    {{"SelfAttention.q.weight"}, "a T5 text encoder"},
    {{"text_model.encoder.layers.", "transformer.resblocks."}, "a CLIP text encoder"},
    {{"decoder.conv_in.weight", "encoder.conv_in.weight"}, "an autoencoder (VAE)"},
    {{"adaln_single.", "t_block.1."}, "a PixArt transformer"},
    {{"self_attn.q.weight"}, "a Wan transformer", "cross_attn"},
};

// The UNets differ in the width of the text that they attend to.
std::string unet_family(const ShapeByName& file) {
  for (const auto& [name, shape] : file) {
    if (!name.ends_with("attn2.to_k.weight") || shape.size() != 2) continue;
    if (shape[1] == 768) return "the UNet of Stable Diffusion 1";
    if (shape[1] == 1024) return "the UNet of Stable Diffusion 2";
    if (shape[1] == 1280 || shape[1] == 2048) return "the UNet of SDXL";
  }
  return "a UNet";
}

std::string some_names(const ShapeByName& file) {
  std::vector<std::string> names;
  for (auto it = file.begin(); it != file.end() && names.size() < 3; ++it) names.push_back(it->first);
  return fmt::format("a model that fgm does not know, with {} tensors ({}{})", file.size(), fmt::join(names, ", "),
                     file.size() > names.size() ? ", ..." : "");
}

}  // namespace

std::string model_family(const ShapeByName& file) {
  if (recognise_sd3(file)) return "an SD3 transformer";
  const auto has = [&](const char* part) {
    return std::ranges::any_of(file, [&](const auto& tensor) { return tensor.first.find(part) != std::string::npos; });
  };
  for (const auto& [parts, family, also] : kSigns) {
    if (std::ranges::any_of(parts, has) && has(also))
      return std::string_view(family) == "UNet" ? unet_family(file) : family;
  }
  return some_names(file);
}

}  // namespace fgm
