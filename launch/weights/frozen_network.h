#pragma once

#include "core/config/sections.h"
#include "core/io/tensor_source.h"
#include "core/nn/cast_model.h"
#include "parallel/fsdp/sharded_model.h"

namespace fgm {

// A network that is used and not trained, sharded over the ranks of an axis; every rank reads no more of the weights
// than it keeps.
class FrozenNetwork {
 public:
  // `weights` are those of a network of `config`, else ConfigError. They are held and computed with in `dtype`, float32
  // or bfloat16. `shard_axis` must outlive the network.
  FrozenNetwork(const ModelConfig& config, at::ScalarType dtype, const TensorSource& weights, Communicator& shard_axis,
                const FsdpOptions& options = {});

  // Takes and gives float32, whatever the dtype inside. Using it is collective over the axis.
  VelocityModel& model() { return cast_; }
  const ShardedModel& sharded() const { return sharded_; }

 private:
  std::unique_ptr<VelocityModel> model_;
  ShardedModel sharded_;
  CastModel cast_;
};

}  // namespace fgm
