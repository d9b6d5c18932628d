#include "launch/coordinator/weights.h"

#include <algorithm>
#include <charconv>
#include <system_error>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/config/fields.h"
#include "core/io/safetensors.h"
#include "core/models/model_factory.h"
#include "core/models/weights.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFormat = "1";
constexpr std::string_view kStepPrefix = "step-";

std::vector<int64_t> parse_shape(const std::string& text) {
  std::vector<int64_t> shape;
  for (const auto& piece : split(text, ',')) shape.push_back(std::stoll(piece));
  return shape;
}

fs::path newest_step(const fs::path& run) {
  const auto steps = saved_steps(run / "checkpoints");
  return steps.empty() ? fs::path() : run / "checkpoints" / step_folder_name(steps.back());
}

}  // namespace

std::map<std::string, std::string> WeightsInfo::to_metadata() const {
  return {{"format", "pt"},
          {"fgm.format", kFormat},
          {"fgm.role", role},
          {"fgm.step", std::to_string(step)},
          {"fgm.sample_shape", fmt::format("{}", fmt::join(sample_shape, ","))},
          {"fgm.config", to_ini(config)}};
}

WeightsInfo WeightsInfo::from_metadata(const std::map<std::string, std::string>& metadata, const fs::path& path) {
  const auto value = [&](const std::string& key) {
    const auto found = metadata.find(key);
    require<ConfigError>(found != metadata.end(),
                         "{}: no '{}' in its metadata, so it was not written by fgm; give a file or a run folder of "
                         "`fgm train` or `fgm distill`",
                         path.string(), key);
    return found->second;
  };
  require<ConfigError>(value("fgm.format") == kFormat, "{}: weights format {} is newer than this fgm, which reads {}",
                       path.string(), value("fgm.format"), kFormat);
  WeightsInfo info;
  info.role = value("fgm.role");
  try {
    info.step = std::stoll(value("fgm.step"));
    info.sample_shape = parse_shape(value("fgm.sample_shape"));
  } catch (const std::logic_error&) {
    throw ConfigError(fmt::format("{}: its metadata fgm.step or fgm.sample_shape is no number", path.string()));
  }
  require<ConfigError>(info.sample_shape.size() == 3, "{}: fgm.sample_shape = {} is not C,H,W", path.string(),
                       value("fgm.sample_shape"));
  apply_ini(info.config, value("fgm.config"), path.string());
  return info;
}

fs::path find_weights(const fs::path& path, const std::vector<std::string>& roles) {
  require<ConfigError>(fs::exists(path), "{}: no such weights file or run folder", path.string());
  if (!fs::is_directory(path)) return path;
  const fs::path newest = newest_step(path);
  const fs::path folder = newest.empty() ? path : newest;
  for (const auto& role : roles) {
    if (fs::exists(folder / role_file_name(role))) return folder / role_file_name(role);
  }
  throw ConfigError(
      fmt::format("{}: no weights of role {} in it; give a .safetensors file, a step folder or a run folder",
                  folder.string(), fmt::join(roles, ", ")));
}

LoadedModel load_model(const fs::path& path, const std::vector<std::string>& roles, at::Device device) {
  LoadedModel loaded;
  loaded.path = find_weights(path, roles);
  const SafetensorsFile file(loaded.path);
  loaded.info = WeightsInfo::from_metadata(file.metadata(), loaded.path);
  loaded.model = make_model(loaded.info.config.model, at::TensorOptions().dtype(at::kFloat).device(device));
  load_parameters(*loaded.model, file);
  return loaded;
}

std::string step_folder_name(int64_t step) {
  return fmt::format("{}{:08d}", kStepPrefix, step);
}

std::vector<int64_t> saved_steps(const fs::path& checkpoints) {
  std::vector<int64_t> steps;
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator(checkpoints, missing)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kStepPrefix)) continue;
    int64_t step = 0;
    const char* end = name.data() + name.size();
    const auto parsed = std::from_chars(name.data() + kStepPrefix.size(), end, step);
    if (parsed.ec == std::errc() && parsed.ptr == end) steps.push_back(step);
  }
  std::sort(steps.begin(), steps.end());
  return steps;
}

std::string role_file_name(const std::string& role) {
  return role + "-00000-of-00001.safetensors";
}

}  // namespace fgm
