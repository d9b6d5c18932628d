#pragma once

#include <vector>

#include "core/io/tensor_source.h"
#include "core/nn/network.h"
#include "core/train/train_state.h"

namespace fgm {

// Gives `to` the buffers of `from`, a network of the same config, until load_slices() finds others.
void share_buffers(Network& from, Network& to);

// Fills this rank's slices of a network's weights from `source`, converting dtypes, and sets the buffers of `network`,
// in the dtype that they have there. A buffer that has those bits already stays the tensor that it is, so that networks
// can share theirs. ConfigError naming place() and every tensor that is missing, surplus or of another shape than the
// network's, or one whose values are not finite (read_finite).
void load_slices(Network& network, const std::vector<StateSlice>& weights, const TensorSource& source);

}  // namespace fgm
