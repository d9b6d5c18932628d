#include "data/store/for_each_row.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <vector>

#include "core/base/error.h"
#include "tests/support/errors.h"

namespace fgm {
namespace {

TEST(ForEachRow, ReadsEachRowOnceOnAnyNumberOfThreads) {
  for (const int64_t num_threads : {1, 2, 5}) {
    for (const int64_t num_rows : {0, 1, 3, 100}) {
      std::vector<std::atomic<int>> num_reads(static_cast<size_t>(num_rows));
      for_each_row(
          num_rows, [&](int64_t row) { ++num_reads.at(static_cast<size_t>(row)); }, num_threads);
      for (const auto& count : num_reads) EXPECT_EQ(count, 1) << num_rows << " on " << num_threads;
    }
  }
}

TEST(ForEachRow, ReadsAsManyRowsAtOnceAsThereAreThreads) {
  std::latch all_read(3);  // waits for ever when they do not
  for_each_row(
      3, [&](int64_t) { all_read.arrive_and_wait(); }, 3);
}

TEST(ForEachRow, ThrowsWhatTheFirstRowThatFailedThrewEvenWhenALaterOneFailsBefore) {
  std::latch has_later_failed(1);
  const auto read = [&](int64_t row) {
    if (row == 7) has_later_failed.wait();
    if (row == 8) has_later_failed.count_down();
    if (row >= 7) throw IoError(fmt::format("row {} failed", row));
  };
  EXPECT_EQ(message_of<IoError>([&] { for_each_row(10, read, 2); }), "row 7 failed");
}

}  // namespace
}  // namespace fgm
