#include "data/sampler/mixture_order.h"

#include "core/base/error.h"

namespace fgm {
namespace {

// floor(count * weight / total), without overflow.
int64_t part_of(int64_t count, int64_t weight, int64_t total) {
  return static_cast<int64_t>(static_cast<__int128>(count) * weight / total);
}

}  // namespace

MixtureOrder::MixtureOrder(std::span<const MixtureShare> shares, uint64_t seed) {
  check(!shares.empty(), "a mixture of nothing");
  int64_t first = 0;
  for (const auto& share : shares) {
    check(share.weight >= 1 && share.weight <= int64_t{1} << 31, "a share's weight is {}", share.weight);
    shares_.push_back({first, share.weight, EpochShuffle(share.size, seed + shares_.size())});
    first += share.size;
    total_weight_ += share.weight;
  }
}

int64_t MixtureOrder::index_of(int64_t position) const {
  check(position >= 0, "position {} lies before the first sample", position);
  int64_t left = position, weight_left = total_weight_;
  for (const auto& share : shares_) {
    const int64_t draw = part_of(left, share.weight, weight_left);
    if (part_of(left + 1, share.weight, weight_left) > draw) return share.first + share.shuffle.index_of(draw);
    left -= draw;
    weight_left -= share.weight;
  }
  throw Error(fmt::format("position {} is in no share", position));
}

}  // namespace fgm
