#include "launch/checkpoint/weights_info.h"

#include "core/base/error.h"
#include "core/base/number.h"
#include "core/base/text.h"
#include "core/config/fields.h"

namespace fgm {
namespace {

constexpr const char* kFormat = "1";

int64_t whole_number(const std::string& text, const std::string& place) {
  const auto number = parse_number<int64_t>(text);
  require<ConfigError>(number.has_value(), "{}: its metadata {} or {} is no number", place, kStepKey, kSampleShapeKey);
  return *number;
}

}  // namespace

std::map<std::string, std::string> WeightsInfo::to_metadata() const {
  return {{"format", "pt"},
          {kFormatKey, kFormat},
          {kRoleKey, role},
          {kStepKey, std::to_string(step)},
          {kSampleShapeKey, fmt::format("{}", fmt::join(sample_shape, ","))},
          {kConfigKey, to_ini(config)}};
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
  info.role = value(kRoleKey);
  info.step = whole_number(value(kStepKey), place);
  for (const auto& side : split(value(kSampleShapeKey), ',')) info.sample_shape.push_back(whole_number(side, place));
  require<ConfigError>(info.sample_shape.size() == 3, "{}: fgm.sample_shape = {} is not C,H,W", place,
                       value(kSampleShapeKey));
  apply_ini(info.config, value(kConfigKey), place);
  return info;
}

}  // namespace fgm
