#pragma once

#include "core/train/phase_scope.h"
#include "parallel/comm/communicator.h"

namespace fgm {

// L2 norm of a gradient of which every rank of `shard_axis` holds a part, summed in float64 by one reduction: all ranks
// get the same bits, and on one rank those of the norm itself. NaN or infinite when any element is. `phases` hears
// "wait" and may be null.
double grad_norm(const at::Tensor& gradient_shard, Communicator& shard_axis, PhaseListener* phases);

}  // namespace fgm
