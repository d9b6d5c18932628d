#include "launch/coordinator/weights.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstring>
#include <ranges>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/config/fields.h"
#include "core/fgm/roles.h"
#include "core/io/file.h"
#include "core/io/safetensors.h"
#include "core/models/model_factory.h"
#include "core/models/sd3_files.h"
#include "core/models/sd3_shapes.h"
#include "core/models/weight_files.h"
#include "core/models/weights.h"
#include "launch/coordinator/checkpoint.h"
#include "launch/coordinator/checkpoints_folder.h"
#include "launch/coordinator/export_metadata.h"
#include "launch/coordinator/foreign_folder.h"
#include "parallel/comm/consensus.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFormat = "1";
constexpr double kReleasedShift = 3.0;  // of SD3's and SD3.5's schedulers, for weights that come without one

std::vector<int64_t> parse_shape(const std::string& text) {
  std::vector<int64_t> shape;
  for (const auto& piece : split(text, ',')) shape.push_back(std::stoll(piece));
  return shape;
}

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

OpenWeights open_foreign(const fs::path& path) {
  const Sd3Transformer transformer = open_sd3_transformer(path);
  OpenWeights weights{.info = {}, .source = transformer.weights, .is_foreign = true};
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

void require_tensors_of(VelocityModel& model, const TensorSource& source) {
  std::map<std::string, std::vector<int64_t>> shapes;
  const TensorVisitor add = [&](const std::string& name, at::Tensor& tensor) { shapes[name] = tensor.sizes().vec(); };
  visit_parameters(model, add);
  model.visit_buffers(add);
  require_tensors(source, shapes);
}

bool have_same_bits(const at::Tensor& a, const at::Tensor& b) {
  if (a.is_meta() || a.scalar_type() != b.scalar_type() || a.sizes() != b.sizes()) return false;
  const auto on_cpu = a.cpu().contiguous();
  return std::memcmp(on_cpu.const_data_ptr(), b.const_data_ptr(), b.nbytes()) == 0;
}

// Whatever its role.
OpenWeights open_unasked(const WeightsPlace& place) {
  OpenWeights weights;
  if (!place.role.empty()) {
    weights.source = Checkpoint::open(place.path).source(place.role);
  } else {
    if (fs::is_directory(place.path) || is_weight_index(place.path)) return open_foreign(place.path);
    weights.source = std::make_shared<const SafetensorsFile>(place.path);
    if (!weights.source->metadata().contains(kFormatKey)) return open_foreign(place.path);
    require_whole(weights.source->metadata(), place.path.string());
  }
  weights.info = WeightsInfo::from_metadata(weights.source->metadata(), weights.source->place());
  return weights;
}

}  // namespace

std::map<std::string, std::string> WeightsInfo::to_metadata() const {
  return {{"format", "pt"},
          {kFormatKey, kFormat},
          {"fgm.role", role},
          {"fgm.step", std::to_string(step)},
          {"fgm.sample_shape", fmt::format("{}", fmt::join(sample_shape, ","))},
          {"fgm.config", to_ini(config)}};
}

WeightsInfo WeightsInfo::from_metadata(const std::map<std::string, std::string>& metadata, const std::string& place) {
  const auto value = [&](const std::string& key) {
    const auto found = metadata.find(key);
    require<ConfigError>(found != metadata.end(),
                         "{}: no '{}' in its metadata, so it was not written by fgm; give a file or a run folder of "
                         "`fgm train` or `fgm distill`",
                         place, key);
    return found->second;
  };
  require<ConfigError>(value(kFormatKey) == kFormat, "{}: weights format {} is newer than this fgm, which reads {}",
                       place, value(kFormatKey), kFormat);
  WeightsInfo info;
  info.role = value("fgm.role");
  try {
    info.step = std::stoll(value("fgm.step"));
    info.sample_shape = parse_shape(value("fgm.sample_shape"));
  } catch (const std::logic_error&) {
    throw ConfigError(fmt::format("{}: its metadata fgm.step or fgm.sample_shape is no number", place));
  }
  require<ConfigError>(info.sample_shape.size() == 3, "{}: fgm.sample_shape = {} is not C,H,W", place,
                       value("fgm.sample_shape"));
  apply_ini(info.config, value("fgm.config"), place);
  return info;
}

WeightsPlace find_weights(const fs::path& path, const std::vector<std::string>& roles, Digests digests) {
  require_no_dangling_link(path);
  require_no_dangling_link(path / "checkpoints");
  require<ConfigError>(fs::exists(path), "{}: no such weights file or run folder", path.string());
  if (!fs::is_directory(path) || is_sd3_folder(path)) return {path, "", roles};
  if (const auto checkpoints = checkpoints_in(path)) return find_in_run(*checkpoints, roles, digests);
  if (!fs::exists(path / kManifestFile)) refuse_foreign_folder(path);
  return find_in_step(path, roles, digests);
}

WeightsPlace find_weights(const fs::path& path, const std::vector<std::string>& roles, Communicator& control,
                          Digests digests) {
  WeightsPlace found;
  on_first_rank(control, [&] { found = find_weights(path, roles, digests); });
  return {broadcast_text(control, found.path.string()), broadcast_text(control, found.role), roles};
}

TextConfig OpenWeights::text(const TextConfig& asked) const {
  TextConfig text = info.config.text;
  if (is_foreign) text.num_tokens = asked.num_tokens;
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

void share_buffers(VelocityModel& from, VelocityModel& to) {
  std::map<std::string, at::Tensor> buffers;
  from.visit_buffers([&](const std::string& name, at::Tensor& buffer) { buffers[name] = buffer; });
  to.visit_buffers([&](const std::string& name, at::Tensor& buffer) { buffer = buffers.at(name); });
}

void load_slices(VelocityModel& model, const std::vector<StateSlice>& weights, const TensorSource& source) {
  require_tensors_of(model, source);
  at::Device device = at::kCPU;
  visit_parameters(model, [&](const std::string&, at::Tensor& tensor) { device = tensor.device(); });
  const at::NoGradGuard no_grad;
  model.visit_buffers([&](const std::string& name, at::Tensor& buffer) {
    const auto stored = at::empty(buffer.sizes(), find_tensor(source, name).dtype);
    read_finite(source, name, 0, stored);
    if (buffer.device() != device || !have_same_bits(buffer, stored)) buffer = stored.to(device);
  });
  for (const auto& slice : weights) read_finite(source, slice.name, slice.begin, slice.values);
}

}  // namespace fgm
