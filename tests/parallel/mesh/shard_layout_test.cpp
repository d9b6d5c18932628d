#include "parallel/mesh/shard_layout.h"

#include <gtest/gtest.h>

#include "core/base/error.h"

namespace fgm {
namespace {

const std::vector<int64_t> kNumels = {1, 16, 17, 300, 5, 64};

class LayoutOfShards : public ::testing::TestWithParam<int> {};

TEST_P(LayoutOfShards, SlicesOfAllShardsAreEveryElementOnce) {
  const UnitLayout layout(kNumels, 4, GetParam());
  std::vector<std::vector<int>> owners;
  for (const int64_t numel : kNumels) owners.emplace_back(numel, 0);
  for (int shard = 0; shard < GetParam(); ++shard) {
    for (const auto& slice : layout.slices(shard)) {
      for (int64_t i = 0; i < slice.count; ++i) ++owners[slice.parameter][static_cast<size_t>(slice.begin + i)];
    }
  }
  for (size_t i = 0; i < kNumels.size(); ++i)
    EXPECT_EQ(owners[i], std::vector<int>(static_cast<size_t>(kNumels[i]), 1)) << i;
}

TEST_P(LayoutOfShards, ASliceLiesInItsShardWhereTheWholeBufferHasIt) {
  const UnitLayout layout(kNumels, 4, GetParam());
  for (int shard = 0; shard < GetParam(); ++shard) {
    for (const auto& slice : layout.slices(shard)) {
      EXPECT_EQ(shard * layout.shard_numel() + slice.shard_offset, layout.offset(slice.parameter) + slice.begin);
      EXPECT_LE(slice.shard_offset + slice.count, layout.shard_numel());
    }
  }
}

TEST_P(LayoutOfShards, ShardsAndParametersBeginOn64Bytes) {
  for (const int64_t element_bytes : {4, 8}) {
    const UnitLayout layout(kNumels, element_bytes, GetParam());
    EXPECT_EQ(layout.shard_numel() * element_bytes % 64, 0);
    EXPECT_EQ(layout.numel(), layout.shard_numel() * GetParam());
    for (size_t i = 0; i < kNumels.size(); ++i) EXPECT_EQ(layout.offset(i) * element_bytes % 64, 0) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(OneToSeven, LayoutOfShards, ::testing::Range(1, 8));

TEST(UnitLayout, PadsNoMoreThanTheBoundariesAskFor) {
  const UnitLayout layout({1, 16, 17}, 4, 2);
  EXPECT_EQ(layout.offset(2), 32);
  EXPECT_EQ(layout.numel(), 64);  // 49 elements end in the second of two pieces of 32
  EXPECT_EQ(UnitLayout({16, 16}, 4, 1).numel(), 32);
}

TEST(UnitLayout, RefusesElementsThatDoNotFillABoundaryAndNoShards) {
  EXPECT_THROW(UnitLayout({1}, 3, 1), Error);
  EXPECT_THROW(UnitLayout({1}, 4, 0), Error);
}

}  // namespace
}  // namespace fgm
