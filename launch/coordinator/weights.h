#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/config/config.h"
#include "core/nn/velocity_model.h"

namespace fgm {

// What a weights file of ours says about itself in its safetensors metadata, so that it can be used without a config.
struct WeightsInfo {
  std::string role;                   // "teacher", "teacher_ema", "student", ... (core/fgm/roles.h)
  int64_t step = 0;                   // steps of training behind it
  std::vector<int64_t> sample_shape;  // {C, H, W} of one image or latent
  Config config;                      // the resolved config of the run that wrote it

  std::map<std::string, std::string> to_metadata() const;
  // ConfigError naming `path` when the metadata is not that of a file written by fgm.
  static WeightsInfo from_metadata(const std::map<std::string, std::string>& metadata,
                                   const std::filesystem::path& path);
};

struct LoadedModel {
  WeightsInfo info;
  std::filesystem::path path;
  std::unique_ptr<VelocityModel> model;
};

// The weights file that `path` means: the file itself; or, in a folder of one step, or in a run's folder (its newest
// step), the first of `roles` that is there. ConfigError naming the path and what was looked for.
std::filesystem::path find_weights(const std::filesystem::path& path, const std::vector<std::string>& roles);

// Opens the file found by find_weights() and builds its network, frozen, float32 on `device`.
LoadedModel load_model(const std::filesystem::path& path, const std::vector<std::string>& roles, at::Device device);

// "step-00000200", the name of a step's folder below RUN/checkpoints.
std::string step_folder_name(int64_t step);

// The steps whose folders stand in `checkpoints`, ascending; unfinished (".tmp-...") folders are not among them.
std::vector<int64_t> saved_steps(const std::filesystem::path& checkpoints);

// "student_ema-00000-of-00001.safetensors": one file a rank and role.
std::string role_file_name(const std::string& role);

}  // namespace fgm
