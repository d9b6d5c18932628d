#include "core/formats/diffusers_config.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "core/base/error.h"
#include "core/io/strict_json.h"

namespace fgm {
namespace {

// The value of `key`, or `absent` when the file lacks it or says null.
template <typename T>
T value_of(const DiffusersConfig& config, const char* key, const T& absent) {
  const auto it = config.json.find(key);
  if (it == config.json.end() || it->is_null()) return absent;
  try {
    return it->get<T>();
  } catch (const nlohmann::json::exception&) {
    throw ConfigError(fmt::format("{}: {} is {}, which is of the wrong type", config.path.string(), key, it->dump()));
  }
}

void require_value(bool condition, const DiffusersConfig& config, const char* key, const std::string& expected) {
  require<ConfigError>(condition, "{}: {} is {}; {}", config.path.string(), key,
                       config.json.contains(key) ? config.json[key].dump() : "missing", expected);
}

void require_class(const DiffusersConfig& config, const std::vector<std::string>& expected) {
  const auto found = config.class_name();
  require<ConfigError>(std::ranges::count(expected, found) > 0, "{} describes {}; {} is needed", config.path.string(),
                       found.empty() ? "no class" : found, fmt::join(expected, " or "));
}

}  // namespace

std::string DiffusersConfig::class_name() const {
  const auto of_transformers = value_of<std::vector<std::string>>(*this, "architectures", {""});
  return value_of(*this, "_class_name", of_transformers.empty() ? "" : of_transformers.front());
}

DiffusersConfig read_diffusers_config(const std::filesystem::path& path) {
  auto json = read_json(path);
  require<ConfigError>(json.is_object(), "{} is no JSON object", path.string());
  return {path, std::move(json)};
}

MMDiTConfig mmdit_config(const DiffusersConfig& config) {
  require_class(config, {"SD3Transformer2DModel"});
  const auto size = [&](const char* key, int64_t absent) { return value_of(config, key, absent); };
  MMDiTConfig model{.in_channels = size("in_channels", 16),
                    .patch_size = size("patch_size", 2),
                    .depth = size("num_layers", 18),
                    .num_heads = size("num_attention_heads", 18),
                    .head_width = size("attention_head_dim", 64),
                    .mlp_ratio = 4,
                    .context_width = size("joint_attention_dim", 4096),
                    .pooled_width = size("pooled_projection_dim", 2048),
                    .pos_embed_max_size = size("pos_embed_max_size", 96)};
  const auto qk_norm = value_of<std::string>(config, "qk_norm", "");
  model.qk_norm = qk_norm == "rms_norm";
  model.dual_attention_blocks = value_of<std::vector<int64_t>>(config, "dual_attention_layers", {});
  require_value(qk_norm.empty() || model.qk_norm, config, "qk_norm", "null or \"rms_norm\" is needed");
  const auto out_channels_absent = config.json.contains("out_channels") ? model.in_channels : 16;
  require_value(size("out_channels", out_channels_absent) == model.in_channels, config, "out_channels",
                fmt::format("a velocity has the {} channels of the latents", model.in_channels));
  require_value(size("caption_projection_dim", 1152) == model.width(), config, "caption_projection_dim",
                fmt::format("the width num_attention_heads x attention_head_dim = {} is needed", model.width()));
  return model;
}

int64_t declared_sample_size(const DiffusersConfig& config) {
  const auto size = value_of<int64_t>(config, "sample_size", 128);
  require_value(size >= 1, config, "sample_size", "a number above 0 is needed");
  return size;
}

nlohmann::ordered_json mmdit_json(const MMDiTConfig& config, int64_t sample_size) {
  require<ConfigError>(config.mlp_ratio == 4, "diffusers' SD3 transformer has an MLP ratio of 4, this model one of {}",
                       config.mlp_ratio);
  return {{"_class_name", "SD3Transformer2DModel"},
          {"_diffusers_version", "0.42.1"},
          {"attention_head_dim", config.head_width},
          {"caption_projection_dim", config.width()},
          {"dual_attention_layers", config.dual_attention_blocks},
          {"in_channels", config.in_channels},
          {"joint_attention_dim", config.context_width},
          {"num_attention_heads", config.num_heads},
          {"num_layers", config.depth},
          {"out_channels", config.in_channels},
          {"patch_size", config.patch_size},
          {"pooled_projection_dim", config.pooled_width},
          {"pos_embed_max_size", config.pos_embed_max_size},
          {"qk_norm", config.qk_norm ? nlohmann::ordered_json("rms_norm") : nlohmann::ordered_json(nullptr)},
          {"sample_size", sample_size}};
}

VaeConfig vae_config(const DiffusersConfig& config) {
  require_class(config, {"AutoencoderKL"});
  VaeConfig vae{.image_channels = value_of<int64_t>(config, "in_channels", 3),
                .latent_channels = value_of<int64_t>(config, "latent_channels", 4),
                .channels = value_of<std::vector<int64_t>>(config, "block_out_channels", {64}),
                .num_res_blocks = value_of<int64_t>(config, "layers_per_block", 1),
                .norm_groups = value_of<int64_t>(config, "norm_num_groups", 32),
                .shift_factor = value_of<double>(config, "shift_factor", 0.0),
                .scaling_factor = value_of<double>(config, "scaling_factor", 0.18215)};
  for (const char* key : {"use_quant_conv", "use_post_quant_conv"}) {
    require_value(!value_of(config, key, true), config, key, "SD3's autoencoder has false");
  }
  require_value(value_of(config, "mid_block_add_attention", true), config, "mid_block_add_attention",
                "SD3's autoencoder has true");
  require_value(value_of<int64_t>(config, "out_channels", 3) == vae.image_channels, config, "out_channels",
                "in_channels is needed");
  return vae;
}

ClipTextConfig clip_text_config(const DiffusersConfig& config) {
  require_class(config, {"CLIPTextModelWithProjection", "CLIPTextModel"});
  const auto activation = value_of<std::string>(config, "hidden_act", "quick_gelu");
  require_value(activation == "quick_gelu" || activation == "gelu", config, "hidden_act",
                "\"quick_gelu\" or \"gelu\" is needed");
  constexpr int64_t kLargestId = 2;  // what OpenAI's configs say in place of the end's id
  const auto eos_token = value_of<int64_t>(config, "eos_token_id", 49407);
  return {.vocab_size = value_of<int64_t>(config, "vocab_size", 49408),
          .num_positions = value_of<int64_t>(config, "max_position_embeddings", 77),
          .width = value_of<int64_t>(config, "hidden_size", 512),
          .num_layers = value_of<int64_t>(config, "num_hidden_layers", 12),
          .num_heads = value_of<int64_t>(config, "num_attention_heads", 8),
          .mlp_width = value_of<int64_t>(config, "intermediate_size", 2048),
          .has_quick_gelu = activation == "quick_gelu",
          .norm_eps = value_of<double>(config, "layer_norm_eps", 1e-5),
          .eos_token = eos_token == kLargestId ? std::nullopt : std::optional(eos_token)};
}

T5Config t5_config(const DiffusersConfig& config) {
  require_class(config, {"T5EncoderModel", "T5ForConditionalGeneration"});
  require_value(value_of<std::string>(config, "feed_forward_proj", "relu") == "gated-gelu", config, "feed_forward_proj",
                "\"gated-gelu\", T5 v1.1's, is needed");
  return {.vocab_size = value_of<int64_t>(config, "vocab_size", 32128),
          .width = value_of<int64_t>(config, "d_model", 512),
          .num_layers = value_of<int64_t>(config, "num_layers", 6),
          .num_heads = value_of<int64_t>(config, "num_heads", 8),
          .head_width = value_of<int64_t>(config, "d_kv", 64),
          .mlp_width = value_of<int64_t>(config, "d_ff", 2048),
          .num_buckets = value_of<int64_t>(config, "relative_attention_num_buckets", 32),
          .max_distance = value_of<int64_t>(config, "relative_attention_max_distance", 128),
          .norm_eps = value_of<double>(config, "layer_norm_epsilon", 1e-6)};
}

double schedule_shift(const DiffusersConfig& config) {
  require_class(config, {"FlowMatchEulerDiscreteScheduler"});
  for (const char* key : {"use_dynamic_shifting", "use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas",
                          "invert_sigmas", "stochastic_sampling"}) {
    require_value(!value_of(config, key, false), config, key, "SD3's schedule has false");
  }
  require_value(value_of(config, "shift_terminal", 0.0) == 0.0, config, "shift_terminal", "SD3's schedule has none");
  require_value(value_of<int64_t>(config, "num_train_timesteps", 1000) == 1000, config, "num_train_timesteps",
                "SD3's schedule has 1000");
  const auto shift = value_of(config, "shift", 1.0);
  require_value(shift > 0.0, config, "shift", "a number above 0 is needed");
  return shift;
}

}  // namespace fgm
