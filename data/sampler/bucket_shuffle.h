#pragma once

#include <cstdint>
#include <vector>

#include "data/sampler/epoch_shuffle.h"

namespace fgm {

// An endless order of batches of one size, each of one bucket of records, computed and not stored: any batch costs the
// same, every rank finds the same answer, and a run can start at any batch.
//
// Each bucket of n records has an EpochShuffle of its own, of which its batches take one piece behind the other: a batch
// in which a permutation ends goes on with the bucket's next one. Epoch e has those batches of `batch` records that end
// in its bucket's records (floor(e n / batch), floor((e + 1) n / batch)], in an order of its own over all buckets. So
// after any epoch each record of a bucket of at least `batch` records was there as often as there were epochs, or once
// less.
class BucketShuffle {
 public:
  // The records of the buckets lie one bucket behind the other. At least one bucket, none empty; batch >= 1.
  BucketShuffle(const std::vector<int64_t>& sizes, int64_t batch, uint64_t seed);

  struct BatchPlace {
    size_t bucket = 0;
    int64_t number = 0;  // of the bucket's batches since the beginning
  };
  BatchPlace place_of(int64_t batch_index) const;
  // The record of a row of that batch; row in [0, batch).
  int64_t record_of(const BatchPlace& place, int64_t row) const;

 private:
  // Batches before an epoch: of a bucket, and of all.
  int64_t batches_before(int64_t epoch, size_t bucket) const;
  int64_t batches_before(int64_t epoch) const;

  int64_t batch_, num_records_ = 0;
  uint64_t seed_;
  std::vector<int64_t> begins_;  // the first record of each bucket
  std::vector<EpochShuffle> shuffles_;
};

}  // namespace fgm
