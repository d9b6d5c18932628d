#include "launch/checkpoint/weights_info.h"

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/config/fields.h"

namespace fgm {
namespace {

constexpr const char* kFormat = "1";

std::vector<int64_t> parse_shape(const std::string& text) {
  std::vector<int64_t> shape;
  for (const auto& piece : split(text, ',')) shape.push_back(std::stoll(piece));
  return shape;
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

}  // namespace fgm
