#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/config/config.h"

namespace fgm {

// Metadata keys of a weights file of ours.
inline constexpr const char* kFormatKey = "fgm.format";
inline constexpr const char* kRoleKey = "fgm.role";
inline constexpr const char* kStepKey = "fgm.step";
inline constexpr const char* kSampleShapeKey = "fgm.sample_shape";
inline constexpr const char* kConfigKey = "fgm.config";
inline constexpr const char* kShardKey = "fgm.shard";  // which of a role's files this is: "0/2"

// What a weights file of ours says about itself in its safetensors metadata, so that it can be used without a config.
struct WeightsInfo {
  std::string role;                   // "teacher", "teacher_ema", "student", ... (core/train/roles.h)
  int64_t step = 0;                   // steps of training behind it
  std::vector<int64_t> sample_shape;  // {C, H, W} of one image or latent
  Config config;                      // the resolved config of the run that wrote it

  std::map<std::string, std::string> to_metadata() const;
  // ConfigError naming `place` when the metadata is not that of a file written by fgm.
  static WeightsInfo from_metadata(const std::map<std::string, std::string>& metadata, const std::string& place);
};

}  // namespace fgm
