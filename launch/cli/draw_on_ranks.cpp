#include "launch/cli/draw_on_ranks.h"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace fgm {
namespace {

// [ranks, batch, H, W, C]: the batches `round` x size + rank of all ranks; what a rank has too few of is zero.
at::Tensor draw_round(const PictureDrawer& drawer, int64_t round, World& world) {
  const DrawOptions& options = drawer.options();
  const auto& chw = options.sample_shape;
  const auto mine = at::zeros({options.batch, chw[1], chw[2], chw[0]}, at::kByte);
  const int64_t index = round * world.size() + world.rank();
  if (index < drawer.num_batches()) {
    const auto pictures = drawer.draw_batch(index);
    mine.narrow(0, 0, pictures.size(0)).copy_(pictures);
  }
  const auto all = at::empty({world.size(), options.batch, chw[1], chw[2], chw[0]}, at::kByte);
  world.control().all_gather_into(all, mine).wait();
  return all;
}

}  // namespace

std::optional<at::Tensor> draw_on_ranks(const PictureDrawer& drawer, World& world) {
  std::vector<at::Tensor> drawn;
  const int64_t num_rounds = (drawer.num_batches() + world.size() - 1) / world.size();
  for (int64_t round = 0; round < num_rounds; ++round) {
    if (world.is_stopping()) return std::nullopt;
    const auto all = draw_round(drawer, round, world);
    if (world.is_first()) drawn.push_back(all.flatten(0, 1));
    spdlog::debug("batches {} of {} drawn", std::min((round + 1) * world.size(), drawer.num_batches()),
                  drawer.num_batches());
  }
  if (drawn.empty()) return at::Tensor();
  return at::cat(drawn).narrow(0, 0, drawer.num_pictures());
}

}  // namespace fgm
