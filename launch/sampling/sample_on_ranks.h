#pragma once

#include <functional>
#include <optional>

#include "launch/runtime/world.h"
#include "launch/sampling/image_job.h"

namespace fgm {

// Deals batches to the ranks in turn (batch i to rank i % size), each with a whole network of its own: batches are
// composed as on one rank, so the images are the same bits for any number of ranks. `sample` gets the number of a batch
// that is this rank's. False on all ranks when a signal stopped it. Collective over all ranks of `world`.
bool for_each_batch(const ImageBatches& batches, World& world, const std::function<void(int64_t batch)>& sample);

// Deals batches as for_each_batch() does; `make` returns the rows of one, on the CPU, each of the shape and dtype of
// `row`. Rank 0's `take` gets the rows of one batch after the other: no more than a batch for each rank is held at
// once. False on all ranks when a signal stopped it. Collective over all ranks of `world`.
bool gather_batches(const ImageBatches& batches, World& world, const at::Tensor& row,
                    const std::function<at::Tensor(int64_t batch)>& make,
                    const std::function<void(const at::Tensor& rows)>& take);

// Samples all images of `job`, its batches dealt as for_each_batch() does: rank 0 gets them, uint8 [N, H, W, 3], and
// the others an undefined tensor. Nothing on all ranks when a signal stopped it. Collective over all ranks of `world`.
std::optional<at::Tensor> sample_on_ranks(const ImageJob& job, World& world);

}  // namespace fgm
