#pragma once

#include <cstdint>

namespace fgm {

// The consecutive rows [begin, end) of every global batch that one rank computes. Uneven when `world` does
// not divide the batch: counts then differ by one, and the ranks' rows in rank order are still the whole batch.
struct RankRows {
  int64_t begin = 0;
  int64_t end = 0;
  int64_t count() const { return end - begin; }
};

inline RankRows rank_rows(int64_t global_batch, int64_t rank, int64_t world) {
  return {global_batch * rank / world, global_batch * (rank + 1) / world};
}

}  // namespace fgm
