#include "parallel/fsdp/unit_pool.h"

#include <gtest/gtest.h>

#include <optional>

#include "core/base/error.h"

namespace fgm {
namespace {

TEST(UnitPool, ASlotKeepsItsMemoryFromUseToUse) {
  UnitPool pool(at::kCPU);
  pool.reserve(256);
  const void* first = pool.acquire().as(64, at::kFloat).data_ptr();
  EXPECT_EQ(pool.acquire().as(32, at::kDouble).data_ptr(), first);
}

TEST(UnitPool, AUnitThatIsGatheredWhileAnotherIsIsAnError) {
  UnitPool pool(at::kCPU);
  pool.reserve(256);
  std::optional<UnitPool::Slot> slot(pool.acquire());
  EXPECT_THROW(pool.acquire(), Error);
  EXPECT_THROW(pool.reserve(512), Error);
  slot.reset();
  pool.acquire();
}

TEST(UnitPool, FitsTheLargestUnitOfAllThatReserved) {
  UnitPool pool(at::kCPU);
  pool.reserve(256);
  pool.reserve(512);
  pool.reserve(128);
  EXPECT_EQ(pool.acquire().as(64, at::kDouble).numel(), 64);
  EXPECT_THROW(pool.acquire().as(65, at::kDouble), Error);
}

TEST(UnitPool, AReleasedSlotIsPoisonedWithNan) {
  UnitPool pool(at::kCPU, /*poisons=*/true);
  pool.reserve(64);
  at::Tensor kept;
  {
    const auto slot = pool.acquire();
    kept = slot.as(16, at::kFloat).fill_(1.0);
    EXPECT_FALSE(kept.isnan().any().item<bool>());
  }
  EXPECT_TRUE(kept.isnan().all().item<bool>());
}

}  // namespace
}  // namespace fgm
