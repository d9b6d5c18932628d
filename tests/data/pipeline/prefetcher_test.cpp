#include "data/pipeline/prefetcher.h"

#include <gmock/gmock.h>

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
  std::atomic<int64_t> num_made = 0;
  std::counting_semaphore<> made(0);
  {
    Prefetcher prefetcher(
        [&](int64_t index) {
          ++num_made;
          made.release();
          return numbered(index);
        },
        2);
    prefetcher.next();
    for (int i = 0; i < 3; ++i) made.acquire();  // the batch that was taken and two more
  }
  EXPECT_EQ(num_made, 3);
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
