#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/config/config.h"
#include "core/io/tensor_source.h"
#include "core/nn/velocity_model.h"
#include "core/train/train_state.h"
#include "parallel/comm/communicator.h"

namespace fgm {

// The metadata key that says which of a role's files this is: "0/2".
inline constexpr const char* kShardKey = "fgm.shard";

// What a weights file of ours says about itself in its safetensors metadata, so that it can be used without a config.
struct WeightsInfo {
  std::string role;                   // "teacher", "teacher_ema", "student", ... (core/fgm/roles.h)
  int64_t step = 0;                   // steps of training behind it
  std::vector<int64_t> sample_shape;  // {C, H, W} of one image or latent
  Config config;                      // the resolved config of the run that wrote it

  std::map<std::string, std::string> to_metadata() const;
  // ConfigError naming `place` when the metadata is not that of a file written by fgm.
  static WeightsInfo from_metadata(const std::map<std::string, std::string>& metadata, const std::string& place);
};

// Where a network's weights lie.
struct WeightsPlace {
  std::filesystem::path path;  // a safetensors file with all of them, or a step's folder
  std::string role;            // which of the folder's roles; "" for a file
};

struct OpenWeights {
  WeightsInfo info;
  std::unique_ptr<TensorSource> source;  // every parameter and buffer
};

struct LoadedModel {
  WeightsInfo info;
  WeightsPlace place;
  std::unique_ptr<VelocityModel> model;
};

// What `path` means: a safetensors file; or the first of `roles` that a step's folder holds; or that of the newest
// complete step of a run's folder: damaged newer ones are passed over with a warning. The digests of the files in
// question are compared, those of a lone file cannot be. ConfigError naming the path and what was looked for, IoError
// when a file is damaged.
WeightsPlace find_weights(const std::filesystem::path& path, const std::vector<std::string>& roles);

// Collective over `control`: rank 0 looks, and all ranks have its answer or its error.
WeightsPlace find_weights(const std::filesystem::path& path, const std::vector<std::string>& roles,
                          Communicator& control);

// ConfigError when it is one shard of several, or was not written by fgm. Compares no digests.
OpenWeights open_weights(const WeightsPlace& place);

// Builds the network of the weights found, frozen, whole, float32 on `device`.
LoadedModel load_model(const std::filesystem::path& path, const std::vector<std::string>& roles, at::Device device);

// Fills this rank's slices of a network's weights, and the buffers of `model`, from `source`, converting dtypes.
// ConfigError naming place() and every tensor that is missing, surplus or of another shape than the model's.
void load_slices(VelocityModel& model, const std::vector<StateSlice>& weights, const TensorSource& source);

}  // namespace fgm
