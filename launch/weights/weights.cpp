#include "launch/weights/weights.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/formats/model_family.h"
#include "core/formats/sd3_files.h"
#include "core/formats/unet_files.h"
#include "core/formats/weight_files.h"
#include "core/io/file_kind.h"
#include "core/io/safetensors.h"
#include "core/io/torch_file.h"
#include "core/models/model_factory.h"
#include "core/models/weights.h"
#include "core/train/roles.h"
#include "launch/checkpoint/checkpoint.h"
#include "launch/weights/export_metadata.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;

constexpr double kReleasedShift = 3.0;  // of SD3's and SD3.5's schedulers, for weights that come without one

void require_whole(const std::map<std::string, std::string>& metadata, const std::string& place) {
  const auto shard = metadata.find(kShardKey);
  if (shard == metadata.end() || shard->second == "0/1") return;
  throw ConfigError(
      fmt::format("{}: this is shard {}; give its folder", place, fmt::join(split(shard->second, '/'), " of ")));
}

void require_asked(const OpenWeights& weights, const std::vector<std::string>& asked) {
  const std::string& role = weights.info.role;
  // Who leaves the role open takes the average that the file holds, of whatever decay.
  const bool is_open = asked.size() > 1;
  const auto will_do = [&](const std::string& other) {
    return role == other || (is_open && role::is_average(role, other));
  };
  require<ConfigError>(asked.empty() || std::ranges::any_of(asked, will_do),
                       "{}: its role is {}, and {} was asked for; give other weights, or ask for {} where a command "
                       "takes a role",
                       weights.source->place(), role, fmt::join(asked, " or "), role);
}

OpenWeights open_external(const fs::path& path) {
  const Sd3Transformer transformer = open_sd3_transformer(path);
  OpenWeights weights{.info = {}, .source = transformer.weights, .is_external = true};
  WeightsInfo& info = weights.info;
  const MMDiTConfig& model = transformer.config;
  info.config.model = model;
  info.role = role::kTeacher;
  info.sample_shape = {model.in_channels, transformer.sample_size, transformer.sample_size};
  info.config.text.context_width = model.context_width;
  info.config.text.pooled_width = model.pooled_width;
  info.config.sample.shift = read_schedule_shift(path).value_or(kReleasedShift);
  read_export_metadata(weights.source->metadata(), path, info);
  return weights;
}

// A single file of others: a U-Net's, or Stable Diffusion 3's.
OpenWeights open_external_file(const std::shared_ptr<const TensorSource>& file, const fs::path& path) {
  const auto unet = find_unet(file);
  if (!unet && is_torch_file(path)) {
    throw ConfigError(
        fmt::format("{} looks like {}; of PyTorch's own files fgm reads the U-Nets of docs/cifar10.md: convert others "
                    "to safetensors",
                    path.string(), model_family(shapes_of(*file))));
  }
  if (!unet) return open_external(path);
  OpenWeights weights{.info = {}, .source = unet->weights, .is_external = true};
  weights.info.config.model = unet->config;
  weights.info.role = role::kTeacher;
  weights.info.sample_shape = {unet->config.in_channels, unet->config.image_size, unet->config.image_size};
  read_export_metadata(file->metadata(), path, weights.info);
  return weights;
}

OpenWeights open_any_role(const WeightsPlace& place) {
  OpenWeights weights;
  if (!place.role.empty()) {
    weights.source = Checkpoint::open_head(place.path).source(place.role);
  } else {
    if (fs::is_directory(place.path) || is_weight_index(place.path)) return open_external(place.path);
    if (is_torch_file(place.path)) return open_external_file(std::make_shared<const TorchFile>(place.path), place.path);
    weights.source = std::make_shared<const SafetensorsFile>(place.path);
    if (!weights.source->metadata().contains(kFormatKey)) return open_external_file(weights.source, place.path);
    require_whole(weights.source->metadata(), place.path.string());
  }
  weights.info = WeightsInfo::from_metadata(weights.source->metadata(), weights.source->place());
  return weights;
}

// What a network is conditioned on.
std::string describe(const TextConfig& text) {
  const std::string kind = !text.labels.empty()    ? "classes"
                           : text.encoders.empty() ? "hashed words"
                                                   : fmt::format("embeddings (encoders {})", text.encoders);
  return fmt::format("{} in {} rows of width {}, pooled {}", kind, text.num_tokens, text.context_width,
                     text.pooled_width);
}

}  // namespace

TextConfig OpenWeights::text(const TextConfig& asked) const {
  const ModelConfig& model = info.config.model;
  if (is_external && model.kind == ModelKind::kUNet) {
    require<ConfigError>(model.pooled_width() == 0 || model.pooled_width() == std::ssize(asked.label_names()),
                         "{}: it knows {} classes; text.labels must name them in its order, and text.pooled_width = {} "
                         "be as many",
                         source->place(), model.pooled_width(), asked.pooled_width);
    return asked;
  }
  TextConfig text = info.config.text;
  if (is_external) {
    text.num_tokens = asked.num_tokens;
    text.encoders = asked.encoders;
  }
  if (!asked.has_embeddings()) return text;
  text.store = asked.store;
  text.model = asked.model;
  const bool is_store = !asked.store.empty();
  require<ConfigError>(text == asked, "{}: it takes {}, and text.{} = {} {} {}", source->place(), describe(text),
                       is_store ? "store" : "model", is_store ? asked.store : asked.model, is_store ? "holds" : "makes",
                       describe(asked));
  return text;
}

OpenWeights open_weights(const WeightsPlace& place) {
  OpenWeights weights = open_any_role(place);
  require_asked(weights, place.asked);
  return weights;
}

std::unique_ptr<VelocityModel> make_unread_model(const ModelConfig& config, at::ScalarType dtype) {
  return make_model(config, at::TensorOptions().dtype(dtype).device(at::kMeta));
}

void require_network(const ModelConfig& config, const TensorSource& source) {
  require_tensors(source, shapes_of(*make_unread_model(config)));
}

}  // namespace fgm
