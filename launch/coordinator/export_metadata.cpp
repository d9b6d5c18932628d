#include "launch/coordinator/export_metadata.h"

#include <charconv>

#include "core/base/error.h"
#include "core/fgm/roles.h"

namespace fgm {
namespace {

constexpr const char* kRole = "fgm.role";
constexpr const char* kStep = "fgm.step";
constexpr const char* kInitTime = "fgm.init_time";
constexpr const char* kShift = "fgm.shift";

bool is_student(const WeightsInfo& info) {
  return info.role.starts_with(role::kStudent);
}

// As ModelSpec's registry has it; networks of other sizes are of the family.
std::string architecture(const ModelConfig& model) {
  if (model.width() == 1536 && !model.qk_norm) return "stable-diffusion-3-medium";
  if (model.width() == 1536 && !model.dual_attention_blocks.empty()) return "stable-diffusion-3-5-medium";
  if (model.width() == 2432 && model.qk_norm) return "stable-diffusion-3-5-large";
  return "stable-diffusion-3";
}

template <typename Number>
Number number(const std::string& text, const char* key, const std::filesystem::path& path) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  require<ConfigError>(error == std::errc() && end == text.data() + text.size(),
                       "{}: its metadata {} = '{}' is no number", path.string(), key, text);
  return value;
}

}  // namespace

std::map<std::string, std::string> export_metadata(const WeightsInfo& info, Naming naming) {
  const Config& config = info.config;
  std::map<std::string, std::string> metadata{
      {"format", "pt"},
      {"modelspec.sai_model_spec", "1.0.0"},
      {"modelspec.architecture", architecture(config.model)},
      {"modelspec.implementation",
       naming == Naming::kDiffusers ? "diffusers" : "https://github.com/Stability-AI/sd3.5"},
      {"modelspec.title", fmt::format("{} at step {}, distilled or trained by fgm", info.role, info.step)},
      {kRole, info.role},
      {kStep, std::to_string(info.step)}};
  if (config.sample.shift > 0.0) metadata[kShift] = fmt::format("{}", config.sample.shift);
  if (!is_student(info)) return metadata;
  metadata["modelspec.title"] = fmt::format("one-step student by Flow Generator Matching, step {}", info.step);
  metadata[kInitTime] = fmt::format("{}", config.method.init_time);
  metadata["fgm.times"] = fmt::format("{},0", config.method.init_time);
  metadata["fgm.guidance"] = fmt::format("{}", config.method.teacher_guidance);
  return metadata;
}

void read_export_metadata(const std::map<std::string, std::string>& metadata, const std::filesystem::path& path,
                          WeightsInfo& info) {
  const auto take = [&](const char* key, auto&& use) {
    const auto found = metadata.find(key);
    if (found != metadata.end()) use(found->second);
  };
  take(kRole, [&](const std::string& text) { info.role = text; });
  take(kStep, [&](const std::string& text) { info.step = number<int64_t>(text, kStep, path); });
  take(kShift, [&](const std::string& text) { info.config.sample.shift = number<double>(text, kShift, path); });
  take(kInitTime, [&](const std::string& text) {
    info.config.method.init_time = number<double>(text, kInitTime, path);
    info.config.method.validate();
  });
}

}  // namespace fgm
