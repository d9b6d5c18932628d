#include "data/sampler/mixture_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

#include "data/sampler/rank_rows.h"

namespace fgm {
namespace {

using Shares = std::vector<MixtureShare>;

const std::vector<Shares> kMixtures = {
    {{7, 1}}, {{7, 1}, {5, 1}}, {{12, 3}, {5, 7}}, {{1, 999'999'999}, {30, 1}}, {{4, 2}, {9, 3}, {2, 5}, {6, 1}}};

int64_t total_weight(const Shares& shares) {
  return std::accumulate(shares.begin(), shares.end(), int64_t{0}, [](auto sum, auto s) { return sum + s.weight; });
}

// Which share a record is of, and its number there.
std::pair<size_t, int64_t> place_of(const Shares& shares, int64_t record) {
  size_t share = 0;
  for (; record >= shares[share].size; ++share) record -= shares[share].size;
  return {share, record};
}

TEST(MixtureOrder, OfOneShareIsItsEpochShuffle) {
  const Shares one = {{1000, 5}};
  const MixtureOrder order(one, 42);
  const EpochShuffle shuffle(1000, 42);
  for (int64_t position = 0; position < 3000; ++position) {
    ASSERT_EQ(order.index_of(position), shuffle.index_of(position));
  }
}

TEST(MixtureOrder, DrawsOfAShareAreThePositionsOfItsOwnShuffle) {
  for (const auto& shares : kMixtures) {
    const MixtureOrder order(shares, 3);
    std::vector<int64_t> num_draws(shares.size());
    for (int64_t position = 0; position < 2000; ++position) {
      const auto [share, record] = place_of(shares, order.index_of(position));
      ASSERT_EQ(record, EpochShuffle(shares[share].size, 3 + share).index_of(num_draws[share]++));
    }
  }
}

TEST(MixtureOrder, EveryShareKeepsItsRateAtEveryPosition) {
  for (const auto& shares : kMixtures) {
    const MixtureOrder order(shares, 1);
    const auto total = static_cast<double>(total_weight(shares));
    // Two shares are one line of Bresenham's and what it leaves: less than 1 from the line.
    const double bound = shares.size() <= 2 ? 1.0 : static_cast<double>(shares.size());
    std::vector<int64_t> num_draws(shares.size());
    for (int64_t position = 0; position < 5000; ++position) {
      for (size_t i = 0; i < shares.size(); ++i) {
        const double expected = static_cast<double>(position) * static_cast<double>(shares[i].weight) / total;
        ASSERT_LT(std::abs(static_cast<double>(num_draws[i]) - expected), bound) << "share " << i << " at " << position;
      }
      ++num_draws[place_of(shares, order.index_of(position)).first];
    }
  }
}

// The weights 3 and 7 make a pattern of 10, which is Bresenham's line of slope 3 / 10.
TEST(MixtureOrder, InterleavesAsTheLineDoes) {
  const Shares shares = {{1, 3}, {1, 7}};
  const MixtureOrder order(shares, 1);
  std::vector<int64_t> pattern;
  for (int64_t position = 0; position < 20; ++position) pattern.push_back(order.index_of(position));
  const std::vector<int64_t> expected = {1, 1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 1, 1, 0, 1, 1, 0, 1, 1, 0};
  EXPECT_EQ(pattern, expected);
}

TEST(MixtureOrder, KeepsItsRateFarFromTheStart) {
  const Shares shares = {{10, 300'000'000}, {10, 700'000'000}};
  const MixtureOrder order(shares, 1);
  constexpr int64_t kFar = int64_t{1} << 50;
  int64_t num_first = 0;
  for (int64_t i = 0; i < 1000; ++i) num_first += order.index_of(kFar + i) < 10 ? 1 : 0;
  EXPECT_EQ(num_first, 300);
}

// A run of 1 to 8 ranks that is stopped after every `kStop` batches and goes on with another number of ranks sees the
// samples of one that never stopped; each record of a share comes once in each epoch of the share.
TEST(MixtureOrder, ARunThatResumesOnOtherRanksSeesEveryRecordOnceAnEpoch) {
  constexpr int64_t kBatch = 8, kBatches = 48, kStop = 6;
  for (const auto& shares : kMixtures) {
    const MixtureOrder order(shares, 11);
    std::vector<int64_t> straight, resumed;
    for (int64_t position = 0; position < kBatch * kBatches; ++position) straight.push_back(order.index_of(position));
    for (int64_t batch = 0; batch < kBatches; ++batch) {
      const int64_t world = 1 + batch / kStop;
      const MixtureOrder anew(shares, 11);
      for (int64_t rank = 0; rank < world; ++rank) {
        const auto rows = rank_rows(kBatch, rank, world);
        for (int64_t row = rows.begin; row < rows.end; ++row) resumed.push_back(anew.index_of(batch * kBatch + row));
      }
    }
    EXPECT_EQ(resumed, straight);
    std::vector<std::vector<int64_t>> draws(shares.size());
    for (const auto record : straight) {
      const auto [share, number] = place_of(shares, record);
      auto& of_share = draws[share];
      of_share.push_back(number);
      if (std::ssize(of_share) % shares[share].size != 0) continue;
      std::vector<int64_t> epoch(of_share.end() - shares[share].size, of_share.end());
      std::sort(epoch.begin(), epoch.end());
      for (int64_t i = 0; i < shares[share].size; ++i) EXPECT_EQ(epoch[static_cast<size_t>(i)], i);
    }
  }
}

}  // namespace
}  // namespace fgm
