#include "launch/text/sd3_text.h"

#include <spdlog/spdlog.h>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/formats/diffusers_config.h"
#include "core/formats/pipeline_folder.h"
#include "data/text/clip_tokenizer.h"
#include "data/text/t5_tokenizer.h"

namespace fgm {
namespace {

constexpr int64_t kMaxT5Tokens = 4096;  // beyond all use: T5 was trained with 512, Stable Diffusion 3 with 77 to 256
constexpr int64_t kReleasedContextWidth = 4096;  // of every released Stable Diffusion 3

// The width of the context that the pipeline's transformer takes.
int64_t context_width_of(const std::string& path) {
  const auto config = component_config(component_of(path, "transformer"));
  const bool is_transformer = config && config->class_name() == "SD3Transformer2DModel";
  return is_transformer ? mmdit_config(*config).context_width : kReleasedContextWidth;
}

EmbeddingShape shape_of(const std::string& path, const TextEncoderFiles& encoders, int64_t t5_tokens) {
  const auto& [clip_l, clip_g, t5] = std::tie(encoders.clip_l.config, encoders.clip_g.config, encoders.t5);
  const auto pooled_width = [](const ClipTextConfig& clip) {
    return clip.projection_width > 0 ? clip.projection_width : clip.width;
  };
  require<ConfigError>(clip_l.num_positions == clip_g.num_positions,
                       "{}: CLIP-L takes {} tokens and CLIP-G {}; they must take as many", path, clip_l.num_positions,
                       clip_g.num_positions);
  const EmbeddingShape shape{.clip_tokens = clip_l.num_positions,
                             .clip_width = clip_l.width + clip_g.width,
                             .t5_tokens = t5_tokens,
                             .t5_width = t5 ? t5->config.width : 0,
                             .pooled_width = pooled_width(clip_l) + pooled_width(clip_g),
                             .context_width = t5 ? t5->config.width : context_width_of(path)};
  require<ConfigError>(shape.clip_width <= shape.context_width,
                       "{}: both CLIPs together are {} wide and the context {}; it must be as wide at least", path,
                       shape.clip_width, shape.context_width);
  return shape;
}

at::Tensor ids_of(const Tokenizer& tokenizer, std::span<const std::string> prompts, int64_t length) {
  const auto ids = at::empty({std::ssize(prompts), length}, at::kLong);
  auto* next = ids.data_ptr<int64_t>();
  for (const auto& prompt : prompts) next = std::ranges::copy(tokenizer.encode(prompt, length).ids, next).out;
  return ids;
}

CutPrompts cut_of(const Tokenizer& tokenizer, std::span<const std::string> prompts, CutPrompts found) {
  for (const auto& prompt : prompts) {
    if (tokenizer.encode(prompt, found.length).num_cut == 0) continue;
    if (found.count++ == 0) found.first = prompt;
  }
  return found;
}

}  // namespace

Sd3Text::Sd3Text(const std::string& path, const Sd3TextOptions& options)
    : encoders_(open_text_encoders(path, {.with_t5 = options.with_t5})) {
  require<ConfigError>(options.t5_tokens >= 2 && options.t5_tokens <= kMaxT5Tokens,
                       "{} tokens of T5 are not in 2 to {}; 77 to 256 are usual", options.t5_tokens, kMaxT5Tokens);
  clip_l_ = open_clip_tokenizer(encoders_.clip_l_tokenizer, ClipKind::kL);
  clip_g_ = open_clip_tokenizer(encoders_.clip_g_tokenizer, ClipKind::kG);
  if (encoders_.t5) t5_ = open_t5_tokenizer(encoders_.t5_tokenizer);
  shape_ = shape_of(path, encoders_, options.t5_tokens);
}

Sd3Ids Sd3Text::ids(std::span<const std::string> prompts) const {
  return {.clip_l = ids_of(*clip_l_, prompts, shape_.clip_tokens),
          .clip_g = ids_of(*clip_g_, prompts, shape_.clip_tokens),
          .t5 = t5_ ? ids_of(*t5_, prompts, shape_.t5_tokens) : at::Tensor()};
}

std::vector<CutPrompts> Sd3Text::find_cut(std::span<const std::string> prompts) const {
  std::vector<CutPrompts> found = {cut_of(*clip_l_, prompts, {.encoder = "CLIP", .length = shape_.clip_tokens})};
  if (t5_) found.push_back(cut_of(*t5_, prompts, {.encoder = "T5", .length = shape_.t5_tokens}));
  std::erase_if(found, [](const CutPrompts& cut) { return cut.count == 0; });
  return found;
}

nlohmann::json Sd3Text::identity() const {
  nlohmann::json out{{"clip_l", digest_of(*encoders_.clip_l.weights)},
                     {"clip_g", digest_of(*encoders_.clip_g.weights)},
                     {"clip_l_tokenizer", clip_l_->digest()},
                     {"clip_g_tokenizer", clip_g_->digest()},
                     {"text_rule", kClipTextRule},
                     {"t5_tokens", shape_.t5_tokens}};
  if (t5_) {
    out["t5"] = digest_of(*encoders_.t5->weights);
    out["t5_tokenizer"] = t5_->digest();
  }
  return out;
}

void warn_of_cut(std::span<const CutPrompts> cut, size_t num_prompts) {
  for (const auto& found : cut) {
    spdlog::warn("{} of {} prompts are longer than the {} tokens that {} sees, and cut there; the first: '{}'",
                 found.count, num_prompts, found.length, found.encoder, printable(found.first));
  }
}

}  // namespace fgm
