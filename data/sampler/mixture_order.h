#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/sampler/epoch_shuffle.h"

namespace fgm {

// Records that are shuffled together. Of all samples their part is `weight` over the sum of all weights.
struct MixtureShare {
  int64_t size = 1;
  int64_t weight = 1;
};

// An endless order of the records of several shares, numbered one share behind the other. The draws of a share are the
// positions 0, 1, ... of its own EpochShuffle, so each of its records comes once in each of its epochs. A function of
// the position alone: every rank finds the same answer, and a run can start at any position. A single share has the
// order of EpochShuffle(size, seed).
//
// The first share takes floor(p w / W) of the first p positions (Bresenham's line), W the sum of the weights; of the
// positions that are left the next share takes its part by the same rule, and so on. In whole numbers, so that all
// machines agree: after any p positions two shares have p w / W draws to within 1, and n shares to within n.
class MixtureOrder {
 public:
  // At least one share, sizes as EpochShuffle's, weights in [1, 2^31].
  MixtureOrder(std::span<const MixtureShare> shares, uint64_t seed);

  // The record at global `position` >= 0. Costs a few operations a share.
  int64_t index_of(int64_t position) const;

 private:
  struct Share {
    int64_t first, weight;  // the number of its first record
    EpochShuffle shuffle;
  };
  std::vector<Share> shares_;
  int64_t total_weight_ = 0;
};

}  // namespace fgm
