#pragma once

#include <optional>

#include "launch/cli/generate.h"
#include "launch/runtime/world.h"

namespace fgm {

// All pictures of `drawer`, its batches dealt to the ranks in turn (batch i to rank i % size), each with a whole
// network of its own: batches are composed as on one rank, so the pictures are the same bits for any number of ranks.
// Rank 0 gets them, uint8 [N, H, W, 3]; the others get none of them. Nothing on all ranks when a signal stopped it.
// Collective over all ranks of `world`.
std::optional<at::Tensor> draw_on_ranks(const PictureDrawer& drawer, World& world);

}  // namespace fgm
