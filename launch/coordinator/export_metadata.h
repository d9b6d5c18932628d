#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "core/models/weight_names.h"
#include "launch/coordinator/weights.h"

namespace fgm {

// The safetensors metadata of exported weights: ModelSpec's keys (https://github.com/Stability-AI/ModelSpec), and how
// the network is to be used, without which a student is useless. Of a student:
//   fgm.role  fgm.step  fgm.init_time (t* of the one-step generator)  fgm.times (that its sampler visits, from noise 1
//   to data 0)  fgm.guidance (learnt, so that sampling needs none)
// of any network of Stable Diffusion 3: fgm.shift (of the teacher's schedule).
std::map<std::string, std::string> export_metadata(const WeightsInfo& info, Naming naming);

// Takes from such metadata what `info` has a place for; other files' metadata is passed over. ConfigError naming `path`
// and the key whose value is no number.
void read_export_metadata(const std::map<std::string, std::string>& metadata, const std::filesystem::path& path,
                          WeightsInfo& info);

}  // namespace fgm
