#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "core/formats/weight_names.h"
#include "launch/checkpoint/weights_info.h"

namespace fgm {

// The safetensors metadata of exported weights: of an MM-DiT what ModelSpec 1.0.1
// (https://github.com/Stability-AI/ModelSpec) demands of an image model, and how the network is to be used, without
// which a student is useless. Of any network:
//   fgm.role
//   fgm.step
//   fgm.sample_size  side of its samples, in latents or pixels; width x height where they are not square
//   fgm.shift        of the teacher's schedule; 0: equally spaced times
// of a student besides:
//   fgm.init_time    t* of a student's first step
//   fgm.times        that its sampler visits, from noise 1 to data 0
//   fgm.init_mean    of the data, where it is not 0 (method.init_mean)
//   fgm.guidance     learnt, so that sampling needs none
// ModelSpec would like date and hash_sha256, too. A date would make two exports differ; a digest stands before the
// tensors, which are converted as they are written and would have to be twice.
std::map<std::string, std::string> export_metadata(const WeightsInfo& info, Naming naming);

// Takes from such metadata what `info`, which has the network's sizes already, has a place for; other keys are ignored.
// ConfigError naming the key whose value is no number or list of them, or out of range.
void read_export_metadata(const std::map<std::string, std::string>& metadata, const std::filesystem::path& path,
                          WeightsInfo& info);

}  // namespace fgm
