#include "launch/weights/export_metadata.h"

#include <algorithm>
#include <array>
#include <functional>

#include "core/base/error.h"
#include "core/base/number.h"
#include "core/base/text.h"
#include "core/flow/student_generator.h"
#include "core/models/vae.h"
#include "core/train/roles.h"
#include "launch/weights/decoder.h"

namespace fgm {
namespace {

constexpr const char* kSampleSize = "fgm.sample_size";
constexpr const char* kInitTime = "fgm.init_time";
constexpr const char* kInitMean = "fgm.init_mean";
constexpr const char* kTimes = "fgm.times";
constexpr const char* kGuidance = "fgm.guidance";
constexpr const char* kShift = "fgm.shift";

// The first is in ModelSpec's list, the others are SwarmUI's (T2IModelClassSorter.cs). No reader knows an id for
// networks of other sizes.
std::string architecture(const MMDiTConfig& model) {
  const bool is_medium = model.depth == 24 && model.width() == 1536;
  if (is_medium && !model.qk_norm) return "stable-diffusion-v3-medium";
  if (is_medium && !model.dual_attention_blocks.empty()) return "stable-diffusion-v3.5-medium";
  if (model.depth == 38 && model.width() == 2432 && model.qk_norm) return "stable-diffusion-v3.5-large";
  return "stable-diffusion-v3";
}

// Width x height in pixels, with SD3's autoencoder where the network makes latents.
std::string resolution(const WeightsInfo& info) {
  const int64_t scale = makes_latents(info.config.model) ? VaeConfig().downscale() : 1;
  return fmt::format("{}x{}", scale * info.sample_shape.at(2), scale * info.sample_shape.at(1));
}

template <typename Number>
Number number(const std::string& text, const char* key, const std::filesystem::path& path) {
  const auto value = parse_number<Number>(text);
  require<ConfigError>(value.has_value(), "{}: its metadata {} = '{}' is no number", path.string(), key, text);
  return *value;
}

// Of a list with commas.
std::vector<double> numbers(const std::string& text, const char* key, const std::filesystem::path& path) {
  std::vector<double> values;
  for (const auto& item : split(text, ',')) values.push_back(number<double>(item, key, path));
  require<ConfigError>(!values.empty(), "{}: its metadata {} is empty", path.string(), key);
  return values;
}

// One side of a square, which other programs and older fgm read, or width x height.
std::string sample_size_text(const std::vector<int64_t>& sample_shape) {
  const int64_t height = sample_shape.at(1), width = sample_shape.at(2);
  return height == width ? std::to_string(height) : fmt::format("{}x{}", width, height);
}

// {height, width}
std::array<int64_t, 2> sample_size(const std::string& text, const MMDiTConfig& model,
                                   const std::filesystem::path& path) {
  const auto x = text.find('x');
  const auto side = [&](const std::string& digits) {
    const auto size = number<int64_t>(digits, kSampleSize, path);
    const int64_t largest = model.pos_embed_max_size * model.patch_size;
    require<ConfigError>(
        size > 0 && size <= largest && size % model.patch_size == 0,
        "{}: its metadata {} = {} is no side of an image that this network can make: a multiple of {} up to {}",
        path.string(), kSampleSize, text, model.patch_size, largest);
    return size;
  };
  return {side(x == std::string::npos ? text : text.substr(x + 1)), side(text.substr(0, x))};
}

std::string title(const WeightsInfo& info) {
  if (!role::is_student(info.role)) return fmt::format("{} at step {}, exported by fgm", info.role, info.step);
  const int64_t num_steps = generator_of(info.config.method).num_steps();
  return fmt::format("{}-step student by Flow Generator Matching, step {}",
                     num_steps == 1 ? "one" : std::to_string(num_steps), info.step);
}

std::map<std::string, std::string> model_spec(const WeightsInfo& info, Naming naming) {
  return {{"modelspec.sai_model_spec", "1.0.1"},
          {"modelspec.architecture", architecture(info.config.model.mmdit)},
          {"modelspec.implementation",
           naming == Naming::kDiffusers ? "diffusers" : "https://github.com/Stability-AI/sd3.5"},
          {"modelspec.title", title(info)},
          {"modelspec.resolution", resolution(info)}};
}

}  // namespace

std::map<std::string, std::string> export_metadata(const WeightsInfo& info, Naming naming) {
  const Config& config = info.config;
  std::map<std::string, std::string> metadata{{"format", "pt"},
                                              {kRoleKey, info.role},
                                              {kStepKey, std::to_string(info.step)},
                                              {kSampleSize, sample_size_text(info.sample_shape)},
                                              {kShift, fmt::format("{}", config.sample.shift)}};
  if (config.model.kind == ModelKind::kMMDiT) metadata.merge(model_spec(info, naming));
  if (!role::is_student(info.role)) return metadata;
  const GeneratorConfig generator = generator_of(config.method);
  metadata[kInitTime] = fmt::format("{}", generator.times.front());
  metadata[kTimes] = fmt::format("{},0", fmt::join(generator.times, ","));
  if (generator.mean != GeneratorConfig().mean) metadata[kInitMean] = fmt::format("{}", fmt::join(generator.mean, ","));
  metadata[kGuidance] = fmt::format("{}", config.method.teacher_guidance);
  return metadata;
}

void read_export_metadata(const std::map<std::string, std::string>& metadata, const std::filesystem::path& path,
                          WeightsInfo& info) {
  const auto take = [&](const char* key, auto&& use) {
    const auto found = metadata.find(key);
    if (found != metadata.end()) use(found->second);
  };
  take(kRoleKey, [&](const std::string& text) { info.role = text; });
  take(kStepKey, [&](const std::string& text) { info.step = number<int64_t>(text, kStepKey, path); });
  take(kShift, [&](const std::string& text) { info.config.sample.shift = number<double>(text, kShift, path); });
  if (info.config.model.kind == ModelKind::kMMDiT)
    take(kSampleSize, [&](const std::string& text) {
      const auto [height, width] = sample_size(text, info.config.model.mmdit, path);
      info.sample_shape = {info.sample_shape.at(0), height, width};
    });
  MethodConfig& method = info.config.method;
  take(kInitTime, [&](const std::string& text) { method.init_time = number<double>(text, kInitTime, path); });
  take(kInitMean, [&](const std::string& text) { method.init_mean = numbers(text, kInitMean, path); });
  take(kTimes, [&](const std::string& text) {
    auto times = numbers(text, kTimes, path);
    const bool is_falling = std::ranges::adjacent_find(times, std::less_equal()) == times.end();
    require<ConfigError>(is_falling && times.size() > 1 && times.front() <= 1.0 && times.back() == 0.0,
                         "{}: its metadata {} = '{}' is no list of times that fall from at most 1 to 0", path.string(),
                         kTimes, text);
    times.pop_back();
    if (times.size() > 1) method.student_times = times;
  });
  take(kGuidance, [&](const std::string& text) { method.teacher_guidance = number<double>(text, kGuidance, path); });
  method.validate();
}

}  // namespace fgm
