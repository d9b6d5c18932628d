#include "data/sampler/bucket_shuffle.h"

#include "core/base/error.h"
#include "core/base/hash.h"

namespace fgm {

BucketShuffle::BucketShuffle(const std::vector<int64_t>& sizes, int64_t batch, uint64_t seed)
    : batch_(batch), seed_(seed) {
  check(!sizes.empty() && batch >= 1, "cannot shuffle {} buckets in batches of {}", sizes.size(), batch);
  for (const int64_t size : sizes) {
    begins_.push_back(num_records_);
    shuffles_.emplace_back(size, hash64("bucket", seed + begins_.size()));
    num_records_ += size;
  }
}

int64_t BucketShuffle::batches_before(int64_t epoch, size_t bucket) const {
  return epoch * shuffles_[bucket].size() / batch_;
}

int64_t BucketShuffle::batches_before(int64_t epoch) const {
  int64_t count = 0;
  for (size_t bucket = 0; bucket < shuffles_.size(); ++bucket) count += batches_before(epoch, bucket);
  return count;
}

BucketShuffle::BatchPlace BucketShuffle::place_of(int64_t batch_index) const {
  check(batch_index >= 0, "batch {} lies before the first epoch", batch_index);
  // Each bucket's rounding down takes less than a batch, so the epoch lies in [first, last).
  const auto num_buckets = std::ssize(shuffles_);
  int64_t first = batch_index * batch_ / num_records_;
  int64_t last = (batch_index + num_buckets + 1) * batch_ / num_records_ + 1;
  while (last - first > 1) {
    const int64_t middle = first + (last - first) / 2;
    (batches_before(middle) <= batch_index ? first : last) = middle;
  }
  const int64_t epoch = first, begin = batches_before(epoch);
  const EpochShuffle order(batches_before(epoch + 1) - begin,
                           hash64("bucket order", seed_ + static_cast<uint64_t>(epoch)));
  int64_t place = order.index_of(batch_index - begin);
  for (size_t bucket = 0;; ++bucket) {
    const int64_t before = batches_before(epoch, bucket), count = batches_before(epoch + 1, bucket) - before;
    if (place < count) return {bucket, before + place};
    place -= count;
  }
}

int64_t BucketShuffle::record_of(const BatchPlace& place, int64_t row) const {
  check(row >= 0 && row < batch_, "row {} of a batch of {}", row, batch_);
  return begins_[place.bucket] + shuffles_[place.bucket].index_of(place.number * batch_ + row);
}

}  // namespace fgm
