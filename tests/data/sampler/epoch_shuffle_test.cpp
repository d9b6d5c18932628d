#include "data/sampler/epoch_shuffle.h"

#include <gtest/gtest.h>

#include <set>

#include "data/sampler/rank_rows.h"

namespace fgm {
namespace {

// Pearson's statistic of `counts` against equal shares.
double chi_squared(const std::vector<int64_t>& counts, double expected) {
  double sum = 0;
  for (const auto count : counts) sum += (count - expected) * (count - expected) / expected;
  return sum;
}

// The 1e-6 tail of a chi-squared law with k degrees of freedom, by Wilson and Hilferty's cube approximation.
double chi_squared_limit(double k) {
  return k * std::pow(1 - 2 / (9 * k) + 4.75 * std::sqrt(2 / (9 * k)), 3);
}

TEST(EpochShuffle, EveryEpochIsAPermutation) {
  for (const int64_t size : {1, 2, 3, 4, 5, 16, 17, 1000, 4097}) {
    const EpochShuffle shuffle(size, 7);
    for (int64_t epoch = 0; epoch < 3; ++epoch) {
      std::set<int64_t> seen;
      for (int64_t i = 0; i < size; ++i) seen.insert(shuffle.index_of(epoch * size + i));
      EXPECT_EQ(static_cast<int64_t>(seen.size()), size) << "size " << size << " epoch " << epoch;
      EXPECT_EQ(*seen.begin(), 0);
      EXPECT_EQ(*seen.rbegin(), size - 1);
    }
  }
}

TEST(EpochShuffle, EveryRecordIsEquallyLikelyAtEveryPosition) {
  constexpr int64_t kEpochs = 20'000;
  for (const int64_t size : {2, 3, 10, 33}) {
    const EpochShuffle shuffle(size, 1);
    std::vector<int64_t> counts(static_cast<size_t>(size * size));
    for (int64_t position = 0; position < kEpochs * size; ++position) {
      ++counts[static_cast<size_t>(position % size * size + shuffle.index_of(position))];
    }
    EXPECT_LT(chi_squared(counts, static_cast<double>(kEpochs) / size), chi_squared_limit((size - 1) * (size - 1)))
        << "size " << size;
  }
}

TEST(EpochShuffle, NeighboursAreIndependent) {
  constexpr int64_t kSize = 10, kEpochs = 20'000;
  const EpochShuffle shuffle(kSize, 1);
  std::vector<int64_t> counts(kSize * (kSize - 1));
  for (int64_t epoch = 0; epoch < kEpochs; ++epoch) {
    const auto a = shuffle.index_of(epoch * kSize + 4), b = shuffle.index_of(epoch * kSize + 5);
    ++counts[static_cast<size_t>(a * (kSize - 1) + b - (b > a ? 1 : 0))];
  }
  EXPECT_LT(chi_squared(counts, static_cast<double>(kEpochs) / (kSize * (kSize - 1))),
            chi_squared_limit(kSize * (kSize - 1) - 1));
}

TEST(EpochShuffle, SeedsAndEpochsGiveOtherOrders) {
  constexpr int64_t kSize = 1000;
  const EpochShuffle one(kSize, 1), two(kSize, 2);
  int64_t num_equal_seeds = 0, num_equal_epochs = 0;
  for (int64_t i = 0; i < kSize; ++i) {
    num_equal_seeds += one.index_of(i) == two.index_of(i) ? 1 : 0;
    num_equal_epochs += one.index_of(i) == one.index_of(kSize + i) ? 1 : 0;
  }
  // Two random permutations agree at one position on average, at more than 10 once in 1e7 pairs.
  EXPECT_LE(num_equal_seeds, 10);
  EXPECT_LE(num_equal_epochs, 10);
}

// From tests/data/golden_values.py.
TEST(EpochShuffle, HasTheSameOrderOnEveryMachine) {
  const EpochShuffle shuffle(1'000'000, 42);
  EXPECT_EQ(shuffle.index_of(0), 299589);
  EXPECT_EQ(shuffle.index_of(123'456'789'012), 313940);
}

TEST(RankRows, CoverTheBatchInRankOrder) {
  for (const int64_t world : {1, 2, 3, 7, 64}) {
    int64_t next = 0;
    for (int64_t rank = 0; rank < world; ++rank) {
      const auto rows = rank_rows(64, rank, world);
      EXPECT_EQ(rows.begin, next);
      EXPECT_GE(rows.size(), 64 / world);
      EXPECT_LE(rows.size(), 64 / world + 1);
      next = rows.end;
    }
    EXPECT_EQ(next, 64);
  }
}

}  // namespace
}  // namespace fgm
