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

// [ranks, num_rows, row...]: all ranks' rows. Those that a rank lacks, or has none of, are zero.
at::Tensor gather(const at::Tensor& rows, int64_t num_rows, const at::Tensor& row, World& world) {
  auto shape = row.sizes().vec();
  shape.insert(shape.begin(), num_rows);
  const auto mine = at::zeros(shape, row.options());
  if (rows.defined()) mine.narrow(0, 0, rows.size(0)).copy_(rows);
  shape.insert(shape.begin(), world.size());
  const auto all = at::empty(shape, row.options());
  world.control().all_gather_into(all, mine).wait();
  return all;
}

}  // namespace

bool for_each_batch(const ImageBatches& batches, World& world, const std::function<void(int64_t batch)>& sample) {
  return for_each_round(batches, world, [&](int64_t batch) {
    if (batch < batches.count()) sample(batch);
  });
}

bool gather_batches(const ImageBatches& batches, World& world, const at::Tensor& row,
                    const std::function<at::Tensor(int64_t batch)>& make,
                    const std::function<void(const at::Tensor& rows)>& take) {
  return for_each_round(batches, world, [&](int64_t batch) {
    const auto made = batch < batches.count() ? make(batch) : at::Tensor();
    const auto all = gather(made, batches.batch_size, row, world);
    if (!world.is_first()) return;
    for (int64_t rank = 0; rank < world.size() && batch + rank < batches.count(); ++rank) {
      take(all[rank].narrow(0, 0, batches.size(batch + rank)));
    }
  });
}

std::optional<at::Tensor> sample_on_ranks(const ImageJob& job, World& world) {
  std::vector<at::Tensor> sampled;
  const bool is_done = gather_batches(
      job.batches(), world, at::empty(job.sampler().image_shape(), at::kByte),
      [&](int64_t batch) { return job.sample_batch(batch); },
      [&](const at::Tensor& images) { sampled.push_back(images); });
  if (!is_done) return std::nullopt;
  return world.is_first() ? at::cat(sampled) : at::Tensor();
}

}  // namespace fgm
