#include "data/sampler/bucket_shuffle.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "data/sampler/rank_rows.h"

namespace fgm {
namespace {

const std::vector<std::vector<int64_t>> kSizes = {{1}, {7}, {12, 8}, {5, 1, 17, 3}, {40, 2, 9}};

int64_t num_records(const std::vector<int64_t>& sizes) {
  int64_t sum = 0;
  for (const int64_t size : sizes) sum += size;
  return sum;
}

// The bucket of a record, and its number of records.
std::pair<size_t, int64_t> bucket_of_record(const std::vector<int64_t>& sizes, int64_t record) {
  size_t bucket = 0;
  while (record >= sizes.at(bucket)) record -= sizes[bucket++];
  return {bucket, sizes[bucket]};
}

TEST(BucketShuffle, ABatchIsOfOneBucket) {
  for (const auto& sizes : kSizes) {
    const BucketShuffle shuffle(sizes, 4, 7);
    for (int64_t batch = 0; batch < 200; ++batch) {
      const auto place = shuffle.place_of(batch);
      for (int64_t row = 0; row < 4; ++row) {
        ASSERT_EQ(bucket_of_record(sizes, shuffle.record_of(place, row)).first, place.bucket);
      }
    }
  }
}

TEST(BucketShuffle, WhereBatchesDivideTheBucketsEveryEpochHasEveryRecordOnce) {
  const BucketShuffle shuffle({12, 8, 4}, 4, 7);
  for (int64_t epoch = 0; epoch < 5; ++epoch) {
    std::set<int64_t> seen;
    for (int64_t batch = epoch * 6; batch < (epoch + 1) * 6; ++batch) {
      for (int64_t row = 0; row < 4; ++row) seen.insert(shuffle.record_of(shuffle.place_of(batch), row));
    }
    EXPECT_EQ(seen.size(), 24U);
  }
}

// After `batch` epochs no batch is cut, whatever the sizes: each record was there `batch` times. On the way a bucket's
// records differ by one at most, as its batches are pieces of permutations, in an order of their own within an epoch.
TEST(BucketShuffle, AfterAsManyEpochsAsABatchHasRowsEveryRecordWasThereAsOften) {
  for (const auto& sizes : kSizes) {
    for (const int64_t size : {1, 3, 4}) {
      const BucketShuffle shuffle(sizes, size, 3);
      std::map<int64_t, int64_t> counts;
      for (int64_t batch = 0; batch < num_records(sizes); ++batch) {
        for (int64_t row = 0; row < size; ++row) ++counts[shuffle.record_of(shuffle.place_of(batch), row)];
      }
      EXPECT_EQ(std::ssize(counts), num_records(sizes));
      for (const auto& [record, count] : counts) EXPECT_EQ(count, size) << "record " << record;
    }
  }
}

TEST(BucketShuffle, TheRanksOfAnyWorldShareOneBatchAndOneBucket) {
  const std::vector<int64_t> sizes = {12, 8, 5};
  constexpr int64_t kBatch = 8;
  const BucketShuffle whole(sizes, kBatch, 5);
  for (int64_t world = 1; world <= 8; ++world) {
    for (int64_t batch = 0; batch < 50; ++batch) {
      std::vector<int64_t> expected, found;
      for (int64_t row = 0; row < kBatch; ++row) expected.push_back(whole.record_of(whole.place_of(batch), row));
      for (int64_t rank = 0; rank < world; ++rank) {
        const BucketShuffle own(sizes, kBatch, 5);  // begins at this batch, as a resumed run does
        const auto rows = rank_rows(kBatch, rank, world);
        for (int64_t row = rows.begin; row < rows.end; ++row) found.push_back(own.record_of(own.place_of(batch), row));
      }
      ASSERT_EQ(found, expected) << "world " << world << " batch " << batch;
    }
  }
}

TEST(BucketShuffle, TheOrderOfBucketsIsAnotherInEveryEpochAndForEverySeed) {
  const auto buckets = [](uint64_t seed, int64_t epoch) {
    const BucketShuffle shuffle({40, 40}, 4, seed);
    std::vector<size_t> order;
    for (int64_t batch = epoch * 20; batch < (epoch + 1) * 20; ++batch) order.push_back(shuffle.place_of(batch).bucket);
    return order;
  };
  EXPECT_NE(buckets(1, 0), buckets(1, 1));
  EXPECT_NE(buckets(1, 0), buckets(2, 0));
  EXPECT_EQ(buckets(1, 0), buckets(1, 0));
}

}  // namespace
}  // namespace fgm
