#include "core/formats/vae_names.h"

#include <algorithm>
#include <array>

#include "core/base/error.h"

namespace fgm {
namespace {

constexpr std::string_view kUp = "decoder.up.";

constexpr std::array<std::pair<std::string_view, std::string_view>, 15> kRenamed = {{
    {".down.", ".down_blocks."},
    {".up.", ".up_blocks."},
    {".block.", ".resnets."},
    {".downsample.", ".downsamplers.0."},
    {".upsample.", ".upsamplers.0."},
    {".nin_shortcut.", ".conv_shortcut."},
    {".mid.block_1.", ".mid_block.resnets.0."},
    {".mid.block_2.", ".mid_block.resnets.1."},
    {".mid.attn_1.norm.", ".mid_block.attentions.0.group_norm."},
    {".mid.attn_1.q.", ".mid_block.attentions.0.to_q."},
    {".mid.attn_1.k.", ".mid_block.attentions.0.to_k."},
    {".mid.attn_1.v.", ".mid_block.attentions.0.to_v."},
    {".mid.attn_1.proj_out.", ".mid_block.attentions.0.to_out.0."},
    {"encoder.norm_out.", "encoder.conv_norm_out."},
    {"decoder.norm_out.", "decoder.conv_norm_out."},
}};

// The level in "decoder.up.<level>.block.0..."; nothing for other names.
std::optional<size_t> up_level(const std::string& name) {
  if (!name.starts_with(kUp)) return std::nullopt;
  return std::stoul(name.substr(kUp.size()));
}

std::string diffusers_name(std::string name, size_t num_levels) {
  if (const auto level = up_level(name)) {
    const auto end = name.find('.', kUp.size());
    name.replace(kUp.size(), end - kUp.size(), std::to_string(num_levels - 1 - *level));
  }
  for (const auto& [ours, theirs] : kRenamed) {
    const auto at = name.find(ours);
    if (at != std::string::npos) name.replace(at, ours.size(), theirs);
  }
  return name;
}

bool is_attention_matrix(const std::string& name, const std::vector<int64_t>& shape) {
  return name.find(".mid.attn_1.") != std::string::npos && shape.size() == 4;
}

// The name of an encoder's tensor, which does not depend on the number of levels.
std::string encoder_name(const NamingAndPrefix& named, const std::string& ours) {
  return named.prefix + (named.naming == Naming::kDiffusers ? diffusers_name(ours, 0) : ours);
}

}  // namespace

std::vector<ComposedTensor> external_vae_tensors(const ShapeByName& ours, Naming naming, const std::string& prefix) {
  size_t num_levels = 0;
  for (const auto& [name, shape] : ours) num_levels = std::max(num_levels, up_level(name).value_or(0) + 1);
  std::vector<ComposedTensor> external;
  for (const auto& [name, shape] : ours) {
    const Piece whole{name, 0, c10::multiply_integers(shape)};
    if (naming == Naming::kStability) {
      external.push_back({prefix + name, shape, {whole}});
    } else {
      const auto matrix = is_attention_matrix(name, shape) ? std::vector{shape[0], shape[1]} : shape;
      external.push_back({prefix + diffusers_name(name, num_levels), matrix, {whole}});
    }
  }
  return external;
}

std::optional<NamingAndPrefix> recognise_vae(const ShapeByName& file) {
  constexpr const char* kSign = "encoder.mid.block_1.conv1.weight";
  const std::vector<std::string> endings{kSign, encoder_name({Naming::kDiffusers, ""}, kSign)};
  for (const auto& prefix : prefixes_before(file, endings, kVaePrefix)) {
    for (const auto naming : {Naming::kStability, Naming::kDiffusers}) {
      const NamingAndPrefix named{naming, prefix};
      if (file.contains(encoder_name(named, kSign))) return named;
    }
  }
  return std::nullopt;
}

VaeConfig infer_vae_config(const ShapeByName& file, const NamingAndPrefix& named, const std::string& place) {
  const auto name_of = [&](size_t level, int64_t block) {
    return encoder_name(named, fmt::format("encoder.down.{}.block.{}.conv1.weight", level, block));
  };
  const auto weight = [&](const std::string& name) {
    const auto it = file.find(name);
    require<ConfigError>(it != file.end() && it->second.size() == 4,
                         "{}: {} is {}, without which the autoencoder's size is unknown", place, name,
                         it == file.end() ? "missing" : "no convolution");
    return it->second;
  };
  VaeConfig config;
  config.image_channels = weight(encoder_name(named, "encoder.conv_in.weight"))[1];
  config.latent_channels = weight(encoder_name(named, "encoder.conv_out.weight"))[0] / 2;
  config.channels.clear();
  do {
    config.channels.push_back(weight(name_of(config.channels.size(), 0))[0]);
  } while (file.contains(name_of(config.channels.size(), 0)));
  config.num_res_blocks = 1;
  while (file.contains(name_of(0, config.num_res_blocks))) ++config.num_res_blocks;
  return config;
}

}  // namespace fgm
