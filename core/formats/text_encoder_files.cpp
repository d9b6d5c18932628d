#include "core/formats/text_encoder_files.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <set>
#include <string_view>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/formats/diffusers_config.h"
#include "core/formats/model_family.h"
#include "core/formats/pipeline_folder.h"
#include "core/formats/weight_files.h"
#include "core/io/composed_source.h"
#include "core/models/weights.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;
using Source = std::shared_ptr<const TensorSource>;

// One of SD3's three, and how it is called.
struct Encoder {
  std::string_view key;        // "clip_l=F"
  std::string_view title;      // in errors
  std::string_view component;  // a pipeline's folder
  std::string_view prefix;     // in a single file
  std::string_view sign;       // a tensor that every such encoder has
};
constexpr std::string_view kClipSign = "embeddings.token_embedding.weight";
constexpr std::string_view kTextModel = "text_model.";
constexpr Encoder kClipL{"clip_l", "CLIP-L", "text_encoder", "text_encoders.clip_l.transformer.", kClipSign};
constexpr Encoder kClipG{"clip_g", "CLIP-G", "text_encoder_2", "text_encoders.clip_g.transformer.", kClipSign};
constexpr Encoder kT5{"t5", "T5", "text_encoder_3", "text_encoders.t5xxl.transformer.",
                      "encoder.block.0.layer.0.SelfAttention.q.weight"};
constexpr const char* kForms =
    "give a diffusers pipeline's folder, a single file that brings the text encoders, or clip_l=FILE,clip_g=FILE "
    "(and ,t5=FILE)";

constexpr std::array kTextDtypes = {at::kFloat, at::kHalf, at::kBFloat16, at::kFloat8_e4m3fn};

// Tensors beside an encoder's: of the rest of a whole CLIP or T5, and buffers.
constexpr std::array<std::string_view, 7> kOthers = {"vision_model.",
                                                     "visual_projection.",
                                                     "logit_scale",
                                                     "decoder.",
                                                     "lm_head.",
                                                     "embeddings.position_ids",
                                                     "text_model.embeddings.position_ids"};

// The parts of names by which tensors with scales of their own are told.
constexpr std::array<std::string_view, 5> kScales = {"scaled_fp8", "scale_weight", "scale_input", "weight_scale",
                                                     "comfy_quant"};

// An opened file or folder, and where in it the encoder is.
struct EncoderPlace {
  Source file;
  std::string prefix;  // of its names, without `text_model.`
  fs::path path;
};

struct Places {
  EncoderPlace clip_l, clip_g;
  std::optional<EncoderPlace> t5;
};

std::set<std::string, std::less<>> prefixes_of(const TensorSource& file, const Encoder& encoder) {
  std::set<std::string, std::less<>> prefixes;
  for (const auto& info : file.tensors()) {
    if (!info.name.ends_with(encoder.sign)) continue;
    auto prefix = info.name.substr(0, info.name.size() - encoder.sign.size());
    if (prefix.ends_with(kTextModel)) prefix.resize(prefix.size() - kTextModel.size());
    if (prefix.empty() || prefix.ends_with('.')) prefixes.insert(prefix);
  }
  return prefixes;
}

// A file or folder that was given for this encoder.
EncoderPlace place_of(const fs::path& path, const Encoder& encoder) {
  const auto file = fs::is_directory(path) ? open_saved_weights(path, SavedBy::kTransformers) : open_weight_file(path);
  const auto prefixes = prefixes_of(*file, encoder);
  require<ConfigError>(!prefixes.empty(), "{} looks like {}; {} is needed", file->place(),
                       prefixes.empty() ? model_family(shapes_of(*file)) : "", encoder.title);
  if (prefixes.contains(encoder.prefix)) return {file, std::string(encoder.prefix), path};
  require<ConfigError>(prefixes.size() == 1,
                       "{} holds several text encoders, whose names begin with '{}'; {} is needed", file->place(),
                       fmt::join(prefixes, "' and '"), encoder.title);
  return {file, *prefixes.begin(), path};
}

// The encoder in our names, which are transformers' with `text_model.`.
Source renamed(const EncoderPlace& place, const std::function<std::string(const std::string&)>& our_name) {
  std::vector<TensorInfo> infos;
  std::vector<ComposedTensor> tensors;
  for (const auto& info : place.file->tensors()) {
    if (!info.name.starts_with(place.prefix)) continue;
    const auto name = info.name.substr(place.prefix.size());
    const auto is_part = [&](std::string_view part) { return name.find(part) != std::string::npos; };
    require<ConfigError>(std::ranges::none_of(kScales, is_part),
                         "{}: {} tells of scaled (quantised) weights, which fgm does not read; take a file of F16, "
                         "BF16 or plain F8_E4M3",
                         place.file->place(), info.name);
    if (std::ranges::any_of(kOthers, [&](std::string_view other) { return name.starts_with(other); })) continue;
    const auto ours = our_name(name);
    if (ours.empty()) continue;
    infos.push_back(info);
    tensors.push_back({ours, info.shape, {{info.name, 0, c10::multiply_integers(info.shape)}}});
  }
  require_dtypes(infos, kTextDtypes, place.file->place());
  return compose(place.file, std::move(tensors));
}

Source clip_tensors(const EncoderPlace& place) {
  return renamed(place, [](const std::string& name) {
    const bool is_ours = name.starts_with(kTextModel) || name == "text_projection.weight";
    return is_ours ? name : std::string(kTextModel) + name;
  });
}

Source t5_tensors(const EncoderPlace& place) {
  const std::string embedding = "shared.weight", again = "encoder.embed_tokens.weight";
  const bool is_twice = shapes_of(*place.file).contains(place.prefix + embedding);
  return renamed(place, [&](const std::string& name) {
    if (name != again) return name;
    return is_twice ? std::string() : embedding;
  });
}

// The sizes that an encoder's tensors tell.
class Sizes {
 public:
  explicit Sizes(const TensorSource& source) : place_(source.place()), shapes_(shapes_of(source)) {}

  bool has(const std::string& name) const { return shapes_.contains(name); }
  int64_t of(const std::string& name, size_t dim) const {
    const auto found = shapes_.find(name);
    require<ConfigError>(found != shapes_.end() && found->second.size() > dim,
                         "{}: {} is {}, without which the text encoder's size is unknown", place_, name,
                         found == shapes_.end() ? "missing" : fmt::format("{}", found->second));
    return found->second[dim];
  }
  // How many layers there are, each with a tensor of the name that `name` formats with its number.
  int64_t count(const std::string& name) const {
    int64_t num = 0;
    while (has(fmt::format(fmt::runtime(name), num))) ++num;
    return num;
  }

 private:
  std::string place_;
  ShapeByName shapes_;
};

ClipTextConfig infer_clip_config(const TensorSource& source, const Encoder& encoder) {
  constexpr int64_t kHeadWidth = 64;
  const Sizes sizes(source);
  const std::string tokens = "text_model.embeddings.token_embedding.weight";
  const auto width = sizes.of(tokens, 1);
  require<ConfigError>(width % kHeadWidth == 0,
                       "{}: a width of {} does not tell the number of heads, which are {} wide in released encoders; "
                       "give the folder with its config.json",
                       source.place(), width, kHeadWidth);
  return {.vocab_size = sizes.of(tokens, 0),
          .num_positions = sizes.of("text_model.embeddings.position_embedding.weight", 0),
          .width = width,
          .num_layers = sizes.count("text_model.encoder.layers.{}.mlp.fc1.weight"),
          .num_heads = width / kHeadWidth,
          .mlp_width = sizes.of("text_model.encoder.layers.0.mlp.fc1.weight", 0),
          .has_quick_gelu = encoder.key == kClipL.key};
}

T5Config infer_t5_config(const TensorSource& source) {
  const Sizes sizes(source);
  const std::string attention = "encoder.block.0.layer.0.SelfAttention.";
  T5Config config;
  config.vocab_size = sizes.of("shared.weight", 0);
  config.width = sizes.of("shared.weight", 1);
  config.num_layers = sizes.count("encoder.block.{}.layer.0.SelfAttention.q.weight");
  config.num_buckets = sizes.of(attention + "relative_attention_bias.weight", 0);
  config.num_heads = sizes.of(attention + "relative_attention_bias.weight", 1);
  config.head_width = sizes.of(attention + "q.weight", 0) / std::max<int64_t>(1, config.num_heads);
  config.mlp_width = sizes.of("encoder.block.0.layer.1.DenseReluDense.wi_0.weight", 0);
  return config;
}

// CLIP-L's and CLIP-G's files have the same names; of the released ones the width tells which it is.
void require_own_width(const EncoderPlace& place, const Encoder& encoder, int64_t width) {
  constexpr int64_t kWidthOfL = 768, kWidthOfG = 1280;
  const bool is_l = encoder.key == kClipL.key;
  require<ConfigError>(width != (is_l ? kWidthOfG : kWidthOfL), "{} is {} wide, which is {}; {} is needed",
                       place.file->place(), width, is_l ? kClipG.title : kClipL.title, encoder.title);
}

ClipTextFiles open_clip(const EncoderPlace& place, const Encoder& encoder) {
  const auto weights = clip_tensors(place);
  const auto config_file = component_config(place.path);
  auto config = config_file ? clip_text_config(*config_file) : infer_clip_config(*weights, encoder);
  require_own_width(place, encoder, config.width);
  const Sizes sizes(*weights);
  if (sizes.has("text_projection.weight")) config.projection_width = sizes.of("text_projection.weight", 0);
  ClipTextEncoder network(config, at::kMeta);
  require_tensors(*weights, shapes_of(network));
  return {config, weights};
}

T5Files open_t5(const EncoderPlace& place) {
  const auto weights = t5_tensors(place);
  const auto config_file = component_config(place.path);
  const auto config = config_file ? t5_config(*config_file) : infer_t5_config(*weights);
  T5Encoder network(config, at::kMeta);
  require_tensors(*weights, shapes_of(network));
  return {config, weights};
}

Places places_in_pipeline(const fs::path& folder, bool with_t5) {
  require_sd3_pipeline(folder);
  for (const auto& encoder : {kClipL, kClipG}) {
    require<ConfigError>(fs::is_directory(folder / encoder.component), "{} has no {} ({}); {}", folder.string(),
                         encoder.component, encoder.title, kForms);
  }
  const auto place = [&](const Encoder& encoder) { return place_of(folder / encoder.component, encoder); };
  const bool has_t5 = with_t5 && fs::is_directory(folder / kT5.component);
  return {place(kClipL), place(kClipG), has_t5 ? std::optional(place(kT5)) : std::nullopt};
}

Places places_in_single_file(const fs::path& path, bool with_t5) {
  const auto file = open_weight_file(path);
  const auto holds = [&](const Encoder& encoder) { return prefixes_of(*file, encoder).contains(encoder.prefix); };
  const auto place = [&](const Encoder& encoder) { return EncoderPlace{file, std::string(encoder.prefix), path}; };
  for (const auto& encoder : {kClipL, kClipG}) {
    require<ConfigError>(holds(encoder), "{} looks like {} and has no names that begin {} ({}); {}", file->place(),
                         model_family(shapes_of(*file)), encoder.prefix, encoder.title, kForms);
  }
  return {place(kClipL), place(kClipG), with_t5 && holds(kT5) ? std::optional(place(kT5)) : std::nullopt};
}

Places places_by_key(const std::string& list, bool with_t5) {
  std::map<std::string, fs::path, std::less<>> files;
  for (const auto& entry : split(list, ',')) {
    const auto equals = entry.find('=');
    const auto key = entry.substr(0, equals);
    require<ConfigError>(equals != std::string::npos && (key == kClipL.key || key == kClipG.key || key == kT5.key),
                         "there is no '{}'; {}", list, kForms);
    require<ConfigError>(equals + 1 < entry.size(), "'{}' gives no file for {}", list, key);
    require<ConfigError>(files.emplace(key, entry.substr(equals + 1)).second, "'{}' gives {} twice", list, key);
  }
  for (const auto& encoder : {kClipL, kClipG}) {
    require<ConfigError>(files.contains(encoder.key), "'{}' lacks {}=FILE", list, encoder.key);
  }
  const auto place = [&](const Encoder& encoder) { return place_of(files.find(encoder.key)->second, encoder); };
  const bool has_t5 = with_t5 && files.contains(kT5.key);
  return {place(kClipL), place(kClipG), has_t5 ? std::optional(place(kT5)) : std::nullopt};
}

Places places_at(const std::string& path, bool with_t5) {
  if (fs::is_directory(path)) return places_in_pipeline(path, with_t5);
  return fs::exists(path) ? places_in_single_file(path, with_t5) : places_by_key(path, with_t5);
}

}  // namespace

TextEncoderFiles open_text_encoders(const std::string& path, const TextEncoderOptions& options) {
  const auto places = places_at(path, options.with_t5);
  const auto tokenizer = [&](const char* name) {
    const auto folder = fs::path(path) / name;
    return fs::is_directory(folder) ? folder : fs::path();
  };
  return {.clip_l = open_clip(places.clip_l, kClipL),
          .clip_g = open_clip(places.clip_g, kClipG),
          .t5 = places.t5 ? std::optional(open_t5(*places.t5)) : std::nullopt,
          .clip_l_tokenizer = tokenizer("tokenizer"),
          .clip_g_tokenizer = tokenizer("tokenizer_2"),
          .t5_tokenizer = tokenizer("tokenizer_3")};
}

bool has_text_encoders(const fs::path& path) {
  if (fs::is_directory(path))
    return fs::is_directory(path / kClipL.component) && fs::is_directory(path / kClipG.component);
  const auto file = open_weight_file(path);
  return std::ranges::all_of(std::array{kClipL, kClipG},
                             [&](const Encoder& clip) { return prefixes_of(*file, clip).contains(clip.prefix); });
}

}  // namespace fgm
