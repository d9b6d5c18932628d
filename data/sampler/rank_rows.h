#pragma once

#include <cstdint>

#include "core/base/range.h"

namespace fgm {

// The rows of every global batch that one rank computes. Uneven when `world` does not divide the batch: sizes then
// differ by one, and the ranks' rows in rank order are still the whole batch.
inline Range rank_rows(int64_t global_batch, int64_t rank, int64_t world) {
  return {global_batch * rank / world, global_batch * (rank + 1) / world};
}

}  // namespace fgm
