#include "launch/weights/weights.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <ranges>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/config/fields.h"
#include "core/formats/sd3_files.h"
#include "core/formats/sd3_shapes.h"
#include "core/formats/weight_files.h"
#include "core/io/file.h"
#include "core/io/safetensors.h"
#include "core/models/model_factory.h"
#include "core/models/weights.h"
#include "core/train/roles.h"
#include "launch/checkpoint/checkpoint.h"
#include "launch/checkpoint/checkpoints_folder.h"
#include "launch/weights/export_metadata.h"
#include "launch/weights/external_folder.h"
#include "parallel/comm/control_collectives.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;

constexpr double kReleasedShift = 3.0;  // of SD3's and SD3.5's schedulers, for weights that come without one

WeightsPlace find_in_step(const fs::path& folder, const std::vector<std::string>& roles, Digests digests) {
  const Checkpoint checkpoint = Checkpoint::open(folder);
  const auto held = checkpoint.roles();
  for (const auto& role : roles) {
    if (std::ranges::find(held, role) == held.end()) continue;
    if (digests == Digests::kCompared) checkpoint.verify_role(role);
    if (digests == Digests::kIgnored) checkpoint.verify_sizes();
    return {folder, role};
  }
  throw ConfigError(fmt::format("{}: no weights of role {} in it, only {}", folder.string(), fmt::join(roles, ", "),
                                fmt::join(held, ", ")));
}

WeightsPlace find_in_run(const fs::path& checkpoints, const std::vector<std::string>& roles, Digests digests) {
  warn_of_strays(checkpoints);
  for (const int64_t step : std::views::reverse(saved_steps(checkpoints))) {
    try {
      return find_in_step(checkpoints / step_folder_name(step), roles, digests);
    } catch (const DamageError& error) {
      spdlog::warn("passing over step {}: {}", step, error.what());
    }
  }
  throw ConfigError(fmt::format("{}: no complete checkpoint in it", checkpoints.string()));
}

void require_whole(const std::map<std::string, std::string>& metadata, const std::string& place) {
  const auto shard = metadata.find(kShardKey);
  if (shard == metadata.end() || shard->second == "0/1") return;
  throw ConfigError(
      fmt::format("{}: this is shard {}; give its folder", place, fmt::join(split(shard->second, '/'), " of ")));
}

bool is_sd3_folder(const fs::path& folder) {
  if (fs::exists(folder / "model_index.json") || fs::is_directory(folder / "transformer")) return true;
  const bool is_diffusers = std::ranges::any_of(fs::directory_iterator(folder), [](const fs::directory_entry& entry) {
    return entry.path().filename().string().starts_with("diffusion_pytorch_model");
  });
  ShapeByName indexed;
  for (auto& name : is_diffusers ? std::vector<std::string>() : indexed_tensors(folder)) indexed[std::move(name)] = {};
  return is_diffusers || recognise_sd3(indexed);
}

void require_asked(const OpenWeights& weights, const std::vector<std::string>& asked) {
  const std::string& role = weights.info.role;
  require<ConfigError>(asked.empty() || std::ranges::find(asked, role) != asked.end(),
                       "{}: its role is {}, and {} was asked for; give other weights, or ask for {} where a command "
                       "takes a role",
                       weights.source->place(), role, fmt::join(asked, " or "), role);
}

OpenWeights open_external(const fs::path& path) {
  const Sd3Transformer transformer = open_sd3_transformer(path);
  OpenWeights weights{.info = {}, .source = transformer.weights, .is_external = true};
  WeightsInfo& info = weights.info;
  const ModelConfig& model = info.config.model = transformer.config;
  info.role = role::kTeacher;
  info.sample_shape = {model.in_channels, transformer.sample_size, transformer.sample_size};
  info.config.text.context_width = model.context_width;
  info.config.text.pooled_width = model.pooled_width;
  info.config.sample.shift = read_schedule_shift(path).value_or(kReleasedShift);
  read_export_metadata(weights.source->metadata(), path, info);
  return weights;
}

// Whatever its role.
OpenWeights open_unasked(const WeightsPlace& place) {
  OpenWeights weights;
  if (!place.role.empty()) {
    weights.source = Checkpoint::open(place.path).source(place.role);
  } else {
    if (fs::is_directory(place.path) || is_weight_index(place.path)) return open_external(place.path);
    weights.source = std::make_shared<const SafetensorsFile>(place.path);
    if (!weights.source->metadata().contains(kFormatKey)) return open_external(place.path);
    require_whole(weights.source->metadata(), place.path.string());
  }
  weights.info = WeightsInfo::from_metadata(weights.source->metadata(), weights.source->place());
  return weights;
}

}  // namespace

WeightsPlace find_weights(const fs::path& path, const std::vector<std::string>& roles, Digests digests) {
  require_no_dangling_link(path);
  require_no_dangling_link(path / "checkpoints");
  require<ConfigError>(fs::exists(path), "{}: no such weights file or run folder", path.string());
  if (!fs::is_directory(path) || is_sd3_folder(path)) return {path, "", roles};
  if (const auto checkpoints = checkpoints_in(path)) return find_in_run(*checkpoints, roles, digests);
  if (!fs::exists(path / kManifestFile)) refuse_external_folder(path);
  return find_in_step(path, roles, digests);
}

WeightsPlace find_weights(const fs::path& path, const std::vector<std::string>& roles, Communicator& control,
                          Digests digests) {
  WeightsPlace found;
  on_first_rank(control, [&] { found = find_weights(path, roles, digests); });
  return {broadcast_string(control, found.path.string()), broadcast_string(control, found.role), roles};
}

TextConfig OpenWeights::text(const TextConfig& asked) const {
  TextConfig text = info.config.text;
  if (is_external) text.num_tokens = asked.num_tokens;
  return text;
}

OpenWeights open_weights(const WeightsPlace& place) {
  OpenWeights weights = open_unasked(place);
  require_asked(weights, place.asked);
  return weights;
}

std::unique_ptr<VelocityModel> make_unread_model(const ModelConfig& config, at::ScalarType dtype) {
  return make_model(config, at::TensorOptions().dtype(dtype).device(at::kMeta));
}

LoadedModel load_model(const fs::path& path, const std::vector<std::string>& roles, at::Device device) {
  LoadedModel loaded;
  loaded.place = find_weights(path, roles);
  OpenWeights weights = open_weights(loaded.place);
  loaded.info = std::move(weights.info);
  loaded.model = make_model(loaded.info.config.model, at::TensorOptions().dtype(at::kFloat).device(device));
  load_parameters(*loaded.model, *weights.source);
  return loaded;
}

void require_network(const ModelConfig& config, const TensorSource& source) {
  require_tensors_of(*make_unread_model(config), source);
}

}  // namespace fgm
