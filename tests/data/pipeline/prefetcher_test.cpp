#include "data/pipeline/prefetcher.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <semaphore>

#include "core/base/error.h"
#include "tests/support/errors.h"

namespace fgm {
namespace {

Batch numbered(int64_t index) {
  Batch batch;
  batch.first_sample = index;
  return batch;
}

TEST(Prefetcher, YieldsTheBatchesInOrderAtEveryDepth) {
  for (const int64_t depth : {0, 1, 3}) {
    Prefetcher prefetcher(numbered, depth);
    for (int64_t i = 0; i < 20; ++i) EXPECT_EQ(prefetcher.next().first_sample, i) << "depth " << depth;
  }
}

TEST(Prefetcher, SeeksForthAndBack) {
  for (const int64_t depth : {0, 2}) {
    Prefetcher prefetcher(numbered, depth);
    prefetcher.seek(7);
    EXPECT_EQ(prefetcher.next().first_sample, 7);
    prefetcher.seek(3);
    EXPECT_EQ(prefetcher.next().first_sample, 3);
    EXPECT_EQ(prefetcher.next().first_sample, 4);
  }
}

TEST(Prefetcher, WorksAheadWithoutBeingAskedAndNoFurtherThanItsDepth) {
  constexpr int64_t kDepth = 2, kNumAsked = 200;
  std::atomic<int64_t> num_asked = 0, furthest = 0;
  std::counting_semaphore<> made(0);
  const auto make = [&](int64_t index) {
    furthest = std::max(furthest.load(), index - num_asked);
    made.release();
    return numbered(index);
  };
  Prefetcher prefetcher(make, kDepth);
  const auto take = [&] {
    ++num_asked;
    prefetcher.next();
  };
  take();
  for (int i = 0; i < 1 + kDepth; ++i) made.acquire();  // the batch that was taken, and those that nobody has asked for
  while (num_asked < kNumAsked) {  // a queue that is longer by one is full at some of so many moments
    take();
    made.acquire();
  }
  EXPECT_EQ(furthest, kDepth - 1) << "0 is the batch that is asked for next";
}

TEST(Prefetcher, ThrowsAtTheBatchThatFailedAndTriesItAgain) {
  for (const int64_t depth : {0, 2}) {
    std::atomic<bool> is_broken = true;
    Prefetcher prefetcher(
        [&](int64_t index) {
          if (index == 2 && is_broken) throw IoError("disk gone");
          return numbered(index);
        },
        depth);
    EXPECT_EQ(prefetcher.next().first_sample, 0);
    EXPECT_EQ(prefetcher.next().first_sample, 1);
    EXPECT_EQ(message_of<IoError>([&] { prefetcher.next(); }), "disk gone");
    is_broken = false;
    EXPECT_EQ(prefetcher.next().first_sample, 2);
  }
}

TEST(Prefetcher, IsDestroyedWhileItsQueueIsFull) {
  std::counting_semaphore<> made(0);
  Prefetcher prefetcher(
      [&](int64_t index) {
        made.release();
        return numbered(index);
      },
      1);
  prefetcher.next();
  made.acquire();
  made.acquire();
}

}  // namespace
}  // namespace fgm
