#include "launch/sampling/sample_on_ranks.h"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace fgm {
namespace {

// Calls `sample` once a round with the batch that is this rank's, which in the last round may be beyond the last one.
bool for_each_round(const ImageBatches& batches, World& world, const std::function<void(int64_t batch)>& sample) {
  const int64_t num_rounds = (batches.count() + world.size() - 1) / world.size();
  for (int64_t round = 0; round < num_rounds; ++round) {
    if (world.is_stopping()) return false;
    sample(round * world.size() + world.rank());
    spdlog::debug("batches {} of {} sampled", std::min((round + 1) * world.size(), batches.count()), batches.count());
  }
  return true;
}

// [ranks, batch_size, H, W, 3]: the images of all ranks' batches. Rows that a rank has no image for are zero.
at::Tensor gather(const at::Tensor& images, const ImageJob& job, World& world) {
  auto shape = job.sampler().image_shape();
  shape.insert(shape.begin(), job.batches().batch_size);
  const auto mine = at::zeros(shape, at::kByte);
  if (images.defined()) mine.narrow(0, 0, images.size(0)).copy_(images);
  shape.insert(shape.begin(), world.size());
  const auto all = at::empty(shape, at::kByte);
  world.control().all_gather_into(all, mine).wait();
  return all;
}

}  // namespace

bool for_each_batch(const ImageBatches& batches, World& world, const std::function<void(int64_t batch)>& sample) {
  return for_each_round(batches, world, [&](int64_t batch) {
    if (batch < batches.count()) sample(batch);
  });
}

std::optional<at::Tensor> sample_on_ranks(const ImageJob& job, World& world) {
  std::vector<at::Tensor> rounds;
  const bool is_done = for_each_round(job.batches(), world, [&](int64_t batch) {
    const auto all = gather(batch < job.batches().count() ? job.sample_batch(batch) : at::Tensor(), job, world);
    if (world.is_first()) rounds.push_back(all.flatten(0, 1));
  });
  if (!is_done) return std::nullopt;
  return world.is_first() ? at::cat(rounds).narrow(0, 0, job.images().size()) : at::Tensor();
}

}  // namespace fgm
