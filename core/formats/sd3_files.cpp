#include "core/formats/sd3_files.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "core/base/error.h"
#include "core/formats/diffusers_config.h"
#include "core/formats/model_family.h"
#include "core/formats/pipeline_folder.h"
#include "core/formats/sd3_shapes.h"
#include "core/formats/vae_names.h"
#include "core/formats/weight_files.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;
using Source = std::shared_ptr<const TensorSource>;

constexpr std::array<std::string_view, 5> kSingleFileParts = {kSingleFilePrefix, kVaePrefix, "text_encoders.",
                                                              "conditioner.", "cond_stage_model."};

constexpr std::array kWeightDtypes = {at::kFloat, at::kHalf, at::kBFloat16};
constexpr int64_t kReleasedSampleSize = 128;
constexpr const char* kConfigFile = "config.json";

Source open_source(const fs::path& path) {
  return fs::is_directory(path) ? open_saved_weights(path, SavedBy::kDiffusers) : open_weight_file(path);
}

std::string prefixes_of(const std::vector<NamingAndPrefix>& found) {
  std::vector<std::string> prefixes;
  for (const auto& named : found) prefixes.push_back(fmt::format("'{}'", named.prefix));
  return fmt::format("{}", fmt::join(prefixes, " and "));
}

// The tensors of one part of a single file; without a prefix, all but those of the other parts. ConfigError when they
// are no floating-point weights.
Source part_of(const Source& file, const std::string& prefix) {
  const auto belongs = [&](const std::string& name) {
    if (!prefix.empty()) return name.starts_with(prefix);
    return std::ranges::none_of(kSingleFileParts, [&](std::string_view part) { return name.starts_with(part); });
  };
  std::vector<TensorInfo> infos;
  std::ranges::copy_if(file->tensors(), std::back_inserter(infos), belongs, &TensorInfo::name);
  require_dtypes(infos, kWeightDtypes, file->place());
  return select(file, infos);
}

// `part` in our names. ConfigError naming every tensor of it that is not as `external` has it.
Source in_our_names(const Source& part, const std::vector<ComposedTensor>& external, const ShapeByName& ours) {
  require_tensors(*part, shapes_of(external));
  return compose(part, inverse(external, ours));
}

// One line of the keys in which config.json and the weights disagree; empty when there are none.
std::string disagreement(const MMDiTConfig& weights, const MMDiTConfig& declared) {
  std::vector<std::string> problems;
  const auto compare = [&](const char* key, const auto& in_weights, const auto& in_file) {
    if (in_weights != in_file) problems.push_back(fmt::format("{} is {}, not {}", key, in_weights, in_file));
  };
  compare("in_channels", weights.in_channels, declared.in_channels);
  compare("patch_size", weights.patch_size, declared.patch_size);
  compare("num_layers", weights.depth, declared.depth);
  compare("num_attention_heads", weights.num_heads, declared.num_heads);
  compare("attention_head_dim", weights.head_width, declared.head_width);
  compare("joint_attention_dim", weights.context_width, declared.context_width);
  compare("pooled_projection_dim", weights.pooled_width, declared.pooled_width);
  compare("pos_embed_max_size", weights.pos_embed_max_size, declared.pos_embed_max_size);
  compare("qk_norm", weights.qk_norm, declared.qk_norm);
  compare("dual_attention_layers", weights.dual_attention_blocks, declared.dual_attention_blocks);
  return fmt::format("{}", fmt::join(problems, "; "));
}

ShapeByName external_shapes(const MMDiTConfig& config, const NamingAndPrefix& named) {
  return shapes_of(external_tensors(mmdit_shapes(config), named.naming, named.prefix));
}

// The architecture that `part` is held against: config.json's, if what the weights tell agrees with it.
MMDiTConfig architecture(const Source& part, const NamingAndPrefix& named, const std::optional<MMDiTConfig>& declared,
                         const fs::path& config_file) {
  const auto inferred = infer_mmdit_config(shapes_of(*part), named, part->place(), declared);
  if (!declared) return inferred;
  const auto keys = disagreement(inferred, *declared);
  if (keys.empty()) return *declared;
  auto problems = tensor_problems(*part, external_shapes(inferred, named));
  problems.insert(problems.begin(), keys);
  throw ConfigError(
      fmt::format("{} does not describe the weights beside it: {}", config_file.string(), fmt::join(problems, "; ")));
}

template <typename Half>
void load_half(Half& half, const TensorSource& weights) {
  const at::NoGradGuard no_grad;
  half.visit([&](const std::string& name, at::Tensor& tensor) { read_finite(weights, name, 0, tensor); });
}

}  // namespace

Sd3Transformer open_sd3_transformer(const fs::path& path) {
  require_sd3_pipeline(path);
  const auto place = component_of(path, "transformer");
  const auto config_file = component_config(place);
  const auto declared = config_file ? std::optional(mmdit_config(*config_file)) : std::nullopt;
  const auto file = open_source(place);
  const auto shapes = shapes_of(*file);
  const auto found = find_sd3(shapes);
  require<ConfigError>(!found.empty(), "{} looks like {}; an SD3 transformer is needed", file->place(),
                       found.empty() ? model_family(shapes) : "");
  require<ConfigError>(found.size() == 1,
                       "{} holds several SD3 transformers, whose names begin with {}; give a file of one",
                       file->place(), prefixes_of(found));
  const auto& named = found.front();
  const auto part = part_of(file, named.prefix);
  const auto config = architecture(part, named, declared, place / kConfigFile);
  const auto ours = mmdit_shapes(config);
  const auto sample_size = config_file ? declared_sample_size(*config_file)
                                       : std::min(kReleasedSampleSize, config.pos_embed_max_size * config.patch_size);
  return {config, sample_size, in_our_names(part, external_tensors(ours, named.naming, named.prefix), ours)};
}

Sd3Vae open_sd3_vae(const fs::path& path) {
  require_sd3_pipeline(path);
  const auto place = component_of(path, "vae");
  const auto file = open_source(place);
  const auto shapes = shapes_of(*file);
  const auto named = recognise_vae(shapes);
  require<ConfigError>(named.has_value(), "{} looks like {}; SD3's autoencoder is needed", file->place(),
                       named ? "" : model_family(shapes));
  const auto part = part_of(file, named->prefix);
  const auto config_file = component_config(place);
  const auto config = config_file ? vae_config(*config_file) : infer_vae_config(shapes, *named, file->place());
  const auto ours = vae_shapes(config);
  return {config, in_our_names(part, external_vae_tensors(ours, named->naming, named->prefix), ours)};
}

std::optional<double> read_schedule_shift(const fs::path& path) {
  const auto file = component_of(path, "scheduler") / "scheduler_config.json";
  return fs::exists(file) ? std::optional(schedule_shift(read_diffusers_config(file))) : std::nullopt;
}

void load_parameters(VaeEncoder& encoder, const TensorSource& weights) {
  load_half(encoder, weights);
}

void load_parameters(VaeDecoder& decoder, const TensorSource& weights) {
  load_half(decoder, weights);
}

}  // namespace fgm
