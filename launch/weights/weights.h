#pragma once

#include <memory>

#include "core/config/config.h"
#include "core/io/tensor_source.h"
#include "core/nn/velocity_model.h"
#include "launch/checkpoint/weights_info.h"
#include "launch/weights/weights_place.h"

namespace fgm {

// The weights of one network, opened for reading, and what they say about themselves.
struct OpenWeights {
  WeightsInfo info;
  std::shared_ptr<const TensorSource> source;  // every parameter and buffer, in our names
  bool is_external = false;  // Stable Diffusion 3's (core/formats/sd3_files.h) or a U-Net's (core/formats/unet_files.h)

  // How captions become conditioning. Stable Diffusion 3's weights tell the widths, and the number of tokens and the
  // encoders are `asked`'s; all is `asked`'s of external U-Nets, which do not name their classes. A store of embeddings
  // that `asked` names (with_encoders()'s) takes the place of that of the training. ConfigError when there are not as
  // many classes, and when the embeddings are not of the kind that the network takes.
  TextConfig text(const TextConfig& asked) const;
};

// Opens weights of ours, or of others: Stable Diffusion 3's, or a U-Net's in safetensors or PyTorch's own file. Then
// info holds the sizes that the tensors tell, the role "teacher", and what `fgm export` wrote of the network; of Stable
// Diffusion 3's also the schedule's shift (that of the scheduler beside them, else 3, the released models') in
// config.sample.shift. Reads headers only and compares no digests.
// ConfigError when it is one shard of several or neither kind, saying what it looks like, and when its role was not
// asked for.
OpenWeights open_weights(const WeightsPlace& place);

// A network of `config` that has no memory for its parameters yet, for a sharding layer to take over; and none for its
// buffers, which load_slices() sets.
std::unique_ptr<VelocityModel> make_unread_model(const ModelConfig& config, at::ScalarType dtype = at::kFloat);

// ConfigError naming place() and every tensor of `source` that is missing, surplus or of another shape than those of a
// network of `config`. Reads the headers.
void require_network(const ModelConfig& config, const TensorSource& source);

}  // namespace fgm
