#include "launch/sampling/sample_on_ranks.h"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace fgm {
namespace {

using Round = std::function<void(int64_t index)>;

// Calls `draw` once a round with the batch that is this rank's, which in the last round may be beyond the last one.
bool for_each_round(const ImageSampler& drawer, World& world, const Round& draw) {
  const int64_t num_rounds = (drawer.num_batches() + world.size() - 1) / world.size();
  for (int64_t round = 0; round < num_rounds; ++round) {
    if (world.is_stopping()) return false;
    draw(round * world.size() + world.rank());
    spdlog::debug("batches {} of {} drawn", std::min((round + 1) * world.size(), drawer.num_batches()),
                  drawer.num_batches());
  }
  return true;
}

// [ranks, batch, H, W, C]: the images of all ranks' batches; what a rank has too few of is zero.
at::Tensor gather(const at::Tensor& drawn, const ImageSampler& drawer, World& world) {
  auto shape = drawer.image_shape();
  shape.insert(shape.begin(), drawer.options().batch);
  const auto mine = at::zeros(shape, at::kByte);
  if (drawn.defined()) mine.narrow(0, 0, drawn.size(0)).copy_(drawn);
  shape.insert(shape.begin(), world.size());
  const auto all = at::empty(shape, at::kByte);
  world.control().all_gather_into(all, mine).wait();
  return all;
}

}  // namespace

bool for_each_batch(const ImageSampler& drawer, World& world, const std::function<void(int64_t index)>& draw) {
  return for_each_round(drawer, world, [&](int64_t index) {
    if (index < drawer.num_batches()) draw(index);
  });
}

std::optional<at::Tensor> collect_from_ranks(const ImageSampler& drawer, World& world) {
  std::vector<at::Tensor> drawn;
  const bool is_done = for_each_round(drawer, world, [&](int64_t index) {
    const auto all = gather(index < drawer.num_batches() ? drawer.draw_batch(index) : at::Tensor(), drawer, world);
    if (world.is_first()) drawn.push_back(all.flatten(0, 1));
  });
  if (!is_done) return std::nullopt;
  return world.is_first() ? at::cat(drawn).narrow(0, 0, drawer.num_images()) : at::Tensor();
}

}  // namespace fgm
