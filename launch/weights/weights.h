#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/config/config.h"
#include "core/io/tensor_source.h"
#include "core/nn/velocity_model.h"
#include "launch/checkpoint/load_slices.h"
#include "launch/checkpoint/weights_info.h"
#include "parallel/comm/communicator.h"

namespace fgm {

// Where a network's weights lie.
struct WeightsPlace {
  std::filesystem::path path;           // a step's folder; or a file, or a folder of Stable Diffusion 3 weights
  std::string role;                     // which of the step's roles; "" for the others
  std::vector<std::string> asked = {};  // the roles that will do; none: any
};

struct OpenWeights {
  WeightsInfo info;
  std::shared_ptr<const TensorSource> source;  // every parameter and buffer, in our names
  bool is_external = false;                    // Stable Diffusion 3's, see core/formats/sd3_files.h

  // How captions become conditioning. External weights tell the widths; the number of tokens is then `asked`'s.
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

}  // namespace fgm
