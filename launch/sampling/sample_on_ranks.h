#pragma once

#include <functional>
#include <optional>

#include "launch/runtime/world.h"
#include "launch/sampling/image_sampler.h"

namespace fgm {

// Deals the batches of `drawer` to the ranks in turn (batch i to rank i % size), each with a whole network of its own:
// batches are composed as on one rank, so the images are the same bits for any number of ranks. `draw` gets the
// number of a batch that is this rank's. False on all ranks when a signal stopped it. Collective over all ranks of
// `world`.
bool for_each_batch(const ImageSampler& drawer, World& world, const std::function<void(int64_t index)>& draw);

// Draws all images so: rank 0 gets all images, uint8 [N, H, W, 3]; the others get none of them. Nothing on all
// ranks when a signal stopped it. Collective over all ranks of `world`.
std::optional<at::Tensor> collect_from_ranks(const ImageSampler& drawer, World& world);

}  // namespace fgm
