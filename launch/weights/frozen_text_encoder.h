#pragma once

#include "core/io/tensor_source.h"
#include "launch/checkpoint/load_slices.h"
#include "parallel/fsdp/sharded_model.h"

namespace fgm {

// A text encoder (ClipTextEncoder, T5Encoder) with its weights, sharded over the ranks of an axis: using it is
// collective over them, and every rank reads no more of the weights than it keeps.
template <typename Encoder>
class FrozenTextEncoder {
 public:
  // `files` (ClipTextFiles, T5Files) were opened by open_text_encoders(). Weights are held and computed with in
  // `dtype`. `shard_axis` must outlive the encoder. ConfigError when a value is not finite, IoError when a file is
  // damaged.
  template <typename Files>
  FrozenTextEncoder(const Files& files, at::ScalarType dtype, Communicator& shard_axis)
      : encoder_(files.config, at::TensorOptions().dtype(dtype).device(at::kMeta)), sharded_(encoder_, shard_axis) {
    load_slices(encoder_, sharded_.weights(), *files.weights);
  }

  // Of token ids on any device.
  auto encode(const at::Tensor& ids) { return encoder_.encode(ids.to(sharded_.values().device())); }

 private:
  Encoder encoder_;
  ShardedModel sharded_;
};

}  // namespace fgm
