#pragma once

#include <functional>
#include <optional>

#include "launch/cli/generate.h"
#include "launch/runtime/world.h"

namespace fgm {

// Deals the batches of `drawer` to the ranks in turn (batch i to rank i % size), each with a whole network of its own:
// batches are composed as on one rank, so the pictures are the same bits for any number of ranks. `draw` gets the
// number of a batch that is this rank's. False on all ranks when a signal stopped it. Collective over all ranks of
// `world`.
bool for_each_batch(const PictureDrawer& drawer, World& world, const std::function<void(int64_t index)>& draw);

// Draws all pictures so: rank 0 gets all pictures, uint8 [N, H, W, 3]; the others get none of them. Nothing on all
// ranks when a signal stopped it. Collective over all ranks of `world`.
std::optional<at::Tensor> collect_from_ranks(const PictureDrawer& drawer, World& world);

}  // namespace fgm
