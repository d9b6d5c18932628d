#include "launch/weights/frozen_network.h"

#include "launch/checkpoint/load_slices.h"
#include "launch/weights/weights.h"

namespace fgm {

FrozenNetwork::FrozenNetwork(const ModelConfig& config, at::ScalarType dtype, const TensorSource& weights,
                             Communicator& shard_axis, const FsdpOptions& options)
    : model_(make_unread_model(config, dtype)), sharded_(*model_, shard_axis, options), cast_(*model_, dtype) {
  load_slices(*model_, sharded_.weights(), weights);
}

}  // namespace fgm
