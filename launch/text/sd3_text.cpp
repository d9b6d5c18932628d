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

constexpr int64_t kMinT5Tokens = 2;
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

int64_t t5_tokens_of(const Sd3TextOptions& options, int64_t clip_tokens) {
  if (options.num_tokens == 0) {
    require<ConfigError>(options.t5_tokens >= kMinT5Tokens && options.t5_tokens <= kMaxT5Tokens,
                         "{} tokens of T5 are not in {} to {}; 77 to 256 are usual", options.t5_tokens, kMinT5Tokens,
                         kMaxT5Tokens);
    return options.t5_tokens;
  }
  const int64_t t5_tokens = options.num_tokens - clip_tokens;
  require<ConfigError>(
      t5_tokens >= kMinT5Tokens && t5_tokens <= kMaxT5Tokens,
      "text.num_tokens = {} is CLIP's {} tokens and T5's together, which must be {} to {}; 154 to 333 are usual",
      options.num_tokens, clip_tokens, clip_tokens + kMinT5Tokens, clip_tokens + kMaxT5Tokens);
  return t5_tokens;
}

void count_cut(const Tokenizer::Ids& ids, const std::string& prompt, CutPrompts& cut) {
  if (ids.num_cut > 0 && cut.count++ == 0) cut.first = prompt;
}

// [N, cut.length]; adds what does not fit to `cut`.
at::Tensor ids_of(const Tokenizer& tokenizer, std::span<const std::string> prompts, CutPrompts& cut) {
  const auto all = at::empty({std::ssize(prompts), cut.length}, at::kLong);
  auto* next = all.data_ptr<int64_t>();
  for (const auto& prompt : prompts) {
    const auto ids = tokenizer.encode(prompt, cut.length);
    next = std::ranges::copy(ids.ids, next).out;
    count_cut(ids, prompt, cut);
  }
  return all;
}

// Those of an encoder for each of `all` that cuts any.
std::vector<CutPrompts> that_cut(std::vector<CutPrompts> all) {
  std::erase_if(all, [](const CutPrompts& cut) { return cut.count == 0; });
  return all;
}

}  // namespace

Sd3Text::Sd3Text(const std::string& path, const Sd3TextOptions& options)
    : encoders_(open_text_encoders(path, {.with_t5 = options.with_t5})) {
  shape_ = shape_of(path, encoders_, t5_tokens_of(options, encoders_.clip_l.config.num_positions));
  clip_l_ = open_clip_tokenizer(encoders_.clip_l_tokenizer, ClipKind::kL);
  clip_g_ = open_clip_tokenizer(encoders_.clip_g_tokenizer, ClipKind::kG);
  if (encoders_.t5) t5_ = open_t5_tokenizer(encoders_.t5_tokenizer);
}

Sd3Ids Sd3Text::ids(std::span<const std::string> prompts) const {
  CutPrompts of_l = cut_by_clip(), of_g = cut_by_clip(), of_t5 = cut_by_t5();
  Sd3Ids out{.clip_l = ids_of(*clip_l_, prompts, of_l),
             .clip_g = ids_of(*clip_g_, prompts, of_g),
             .t5 = t5_ ? ids_of(*t5_, prompts, of_t5) : at::Tensor(),
             .cut = {}};
  out.cut = that_cut({of_l, of_t5});
  return out;
}

std::vector<CutPrompts> Sd3Text::find_cut(std::span<const std::string> prompts,
                                          const std::function<bool()>& should_stop) const {
  CutPrompts of_clip = cut_by_clip(), of_t5 = cut_by_t5();
  for (const auto& prompt : prompts) {
    if (should_stop()) throw Error("interrupted while prompts were cut into tokens; none was encoded", kExitRequeue);
    count_cut(clip_l_->encode(prompt, of_clip.length), prompt, of_clip);
    if (t5_) count_cut(t5_->encode(prompt, of_t5.length), prompt, of_t5);
  }
  return that_cut({of_clip, of_t5});
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

std::vector<double> bytes_of_encoders(const TextEncoderFiles& files, at::ScalarType dtype) {
  const auto bytes_of = [&](const TensorSource& weights) {
    double values = 0;
    for (const auto& info : weights.tensors()) values += static_cast<double>(c10::multiply_integers(info.shape));
    return values * static_cast<double>(c10::elementSize(dtype));
  };
  std::vector<double> bytes = {bytes_of(*files.clip_l.weights), bytes_of(*files.clip_g.weights)};
  if (files.t5) bytes.push_back(bytes_of(*files.t5->weights));
  return bytes;
}

void warn_of_cut(std::span<const CutPrompts> cut, size_t num_prompts) {
  for (const auto& found : cut) {
    spdlog::warn("{} of {} prompts are longer than the {} tokens that {} sees, and cut there; the first: '{}'",
                 found.count, num_prompts, found.length, found.encoder, printable(found.first));
  }
}

}  // namespace fgm
