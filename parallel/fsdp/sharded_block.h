#pragma once

#include "parallel/fsdp/sharded_unit.h"

namespace fgm {

struct BlockRunOptions {
  bool recompute = false;  // keep only the inputs for the backward pass, and run forward again there
};

// Runs the unit's block with its parameters gathered, as one node of the autograd graph (design/0009). Collective over
// the shard axis, and so is the node's backward pass: all ranks run the same blocks and differentiate the same graph.
//
// forward   gather, run, let go.
// backward  gather, run again if `recompute`, differentiate, let go; if trainable, reduce and add into the gradient.
//           Gradients of the inputs are made where they are asked for; a frozen unit's parameters get none, and where
//           no input needs one either there is no node.
// A unit may run several times in one graph. Each node can be differentiated once, and not twice over: Error for a
// second backward pass through a retained graph, for create_graph, and when set_trainable() came in between.
TensorList run_sharded(ShardedUnit& unit, const TensorList& inputs, const BlockRunOptions& options);

}  // namespace fgm
