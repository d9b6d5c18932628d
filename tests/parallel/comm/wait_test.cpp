#include "parallel/comm/internal/wait.h"

#include <gtest/gtest.h>

namespace fgm {
namespace {

using namespace std::chrono_literals;

TEST(Wait, SpinsFirstThenSleepsAnEighthOfWhatItHasWaitedAtMost) {
  EXPECT_EQ(pause_after(0us, kSpin), 0us);
  EXPECT_EQ(pause_after(99us, 100us), 0us);
  EXPECT_EQ(pause_after(800us, 100us), 100us);
  EXPECT_EQ(pause_after(1h, 100us), 200us) << "a peer that comes after an hour is not kept waiting";
}

TEST(Wait, ALargeTransferIsNotTakenForAPeerThatIsLate) {
  EXPECT_EQ(pause_after(3ms, spin_for_transfer(4 << 20)), 0us);
  EXPECT_GT(pause_after(3ms, spin_for_transfer(0)), 0us);
}

TEST(Wait, AsksUntilItIsDoneAndNotOnceMore) {
  int num_asked = 0;
  wait_until([&] { return ++num_asked == 1000; }, 0us);
  EXPECT_EQ(num_asked, 1000);
}

}  // namespace
}  // namespace fgm
