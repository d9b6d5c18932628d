#include "data/store/internal/block_pool.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace fgm {
namespace {

TEST(BlockPool, ABlockIsUsedAgainForAsManyBytesAndNoOthers) {
  const BlockPool pool(3);
  auto large = pool.take(1000), small = pool.take(10);
  auto* const of_large = large.get();
  auto* const of_small = small.get();
  large.reset();
  small.reset();
  EXPECT_EQ(pool.take(1000).get(), of_large) << "and it is back at once";
  EXPECT_NE(pool.take(500).get(), of_large);
  EXPECT_EQ(pool.take(10).get(), of_small);
}

TEST(BlockPool, ABlockInUseIsGivenToNobodyElse) {
  const BlockPool pool(2);
  const auto one = pool.take(64), two = pool.take(64);
  EXPECT_NE(one.get(), two.get());
}

TEST(BlockPool, BlocksAreAlignedAndOutliveThePool) {
  std::shared_ptr<std::byte> block;
  {
    const BlockPool pool(1);
    block = pool.take(3);
  }
  EXPECT_EQ(reinterpret_cast<uintptr_t>(block.get()) % 64, 0U);
  block.get()[2] = std::byte{1};
}

}  // namespace
}  // namespace fgm
