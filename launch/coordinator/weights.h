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

// The metadata key that a weights file of ours has.
inline constexpr const char* kFormatKey = "fgm.format";
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
  std::filesystem::path path;           // a step's folder; or a file, or a folder of Stable Diffusion 3 weights
  std::string role;                     // which of the step's roles; "" for the others
  std::vector<std::string> asked = {};  // the roles that will do; none: any
};

struct OpenWeights {
  WeightsInfo info;
  std::shared_ptr<const TensorSource> source;  // every parameter and buffer, in our names
  bool is_foreign = false;                     // Stable Diffusion 3's, see core/models/sd3_files.h

  // How captions become conditioning. Foreign weights tell the widths; the number of tokens is then `asked`'s.
  TextConfig text(const TextConfig& asked) const;
};

struct LoadedModel {
  WeightsInfo info;
  WeightsPlace place;
  std::unique_ptr<VelocityModel> model;
};

// Digests of a step's files take a pass over them; whoever loads nothing compares sizes only.
enum class Digests { kCompared, kIgnored };

// What `path` means: a safetensors file; or a folder of Stable Diffusion 3 weights; or the first of `roles` that a
// step's folder holds; or that of the newest complete step of a run's folder (or of its checkpoints/): damaged newer
// ones are passed over with a warning. The digests of a step's files in question are compared; other files have none.
// ConfigError naming the path and what was looked for, or what a folder of other things looks like and what to give
// instead; IoError when a file is damaged.
WeightsPlace find_weights(const std::filesystem::path& path, const std::vector<std::string>& roles,
                          Digests digests = Digests::kCompared);

// Collective over `control`: rank 0 looks, and all ranks have its answer or its error.
WeightsPlace find_weights(const std::filesystem::path& path, const std::vector<std::string>& roles,
                          Communicator& control, Digests digests = Digests::kCompared);

// Opens weights of ours, or Stable Diffusion 3's: then info holds the sizes that the tensors tell, the role "teacher",
// the schedule's shift (that of the scheduler beside them, else 3, the released models') in config.sample.shift, and
// what `fgm export` wrote of the network. Reads headers only and compares no digests.
// ConfigError when it is one shard of several or neither kind, saying what it looks like, and when its role was not
// asked for.
OpenWeights open_weights(const WeightsPlace& place);

// A network of `config` that has no memory for its parameters yet, for a sharding layer to take over; and none for its
// buffers, which load_slices() sets.
std::unique_ptr<VelocityModel> make_unread_model(const ModelConfig& config, at::ScalarType dtype = at::kFloat);

// Builds the network of the weights found, frozen, whole, float32 on `device`.
LoadedModel load_model(const std::filesystem::path& path, const std::vector<std::string>& roles, at::Device device);

// ConfigError naming place() and every tensor of `source` that is missing, surplus or of another shape than those of a
// network of `config`. Reads the headers.
void require_network(const ModelConfig& config, const TensorSource& source);

// Lets `to` have the buffers of `from`, a network of the same config, until load_slices() finds others.
void share_buffers(VelocityModel& from, VelocityModel& to);

// Fills this rank's slices of a network's weights from `source`, converting dtypes, and sets the buffers of `model`, in
// the dtype that they have there. A buffer that has those bits already stays the tensor that it is, so that networks
// can share theirs. ConfigError naming place() and every tensor that is missing, surplus or of another shape than the
// model's, or one whose values are not finite (read_finite).
void load_slices(VelocityModel& model, const std::vector<StateSlice>& weights, const TensorSource& source);

}  // namespace fgm
