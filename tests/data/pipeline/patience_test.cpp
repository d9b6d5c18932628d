#include "data/pipeline/patience.h"

#include <gmock/gmock.h>

#include <numeric>
#include <vector>

#include "tests/support/errors.h"

namespace fgm {
namespace {

using std::chrono::milliseconds;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Notes for how long it was to wait, and does not.
struct Waits {
  std::vector<int64_t> times;
  bool is_stopped = false;

  Patience patience() {
    return Patience([this](milliseconds time) {
      times.push_back(time.count());
      return !is_stopped;
    });
  }
};

int fail(std::errc error) {
  throw IoError("'a.h5': reading failed", std::make_error_code(error));
}

TEST(Patience, ReadsAgainAfterTwiceAsLongUntilTheFileIsBack) {
  Waits waits;
  int num_reads = 0;
  EXPECT_EQ(waits.patience().read([&] { return ++num_reads < 4 ? fail(std::errc::io_error) : 7; }), 7);
  EXPECT_EQ(num_reads, 4);
  EXPECT_THAT(waits.times, ElementsAre(100, 200, 400));
}

TEST(Patience, GivesUpAfterTenMinutesWithTheLastError) {
  Waits waits;
  const auto read = [&] { return fail(std::errc::not_connected); };
  EXPECT_THAT(message_of<IoError>([&] { waits.patience().read(read); }),
              AllOf(HasSubstr("'a.h5': reading failed"), HasSubstr("not connected; given up after 28 tries")));
  EXPECT_EQ(std::accumulate(waits.times.begin(), waits.times.end(), int64_t{0}), 591'100);
  EXPECT_EQ(waits.times.back(), 30'000);
  EXPECT_EQ(exit_code_from([&] { waits.patience().read(read); }), kExitCrash) << "a later start may succeed";
}

TEST(Patience, DoesNotWaitForWhatWillNotPass) {
  Waits waits;
  const auto patience = waits.patience();
  EXPECT_THROW(patience.read([] { return fail(std::errc::permission_denied); }), IoError);
  EXPECT_THROW(patience.read([]() -> int { throw DamageError("record 3 is damaged"); }), DamageError);
  EXPECT_THROW(patience.read([]() -> int { throw ConfigError("no such prompt"); }), ConfigError);
  EXPECT_THAT(waits.times, IsEmpty());
}

TEST(Patience, AStopSignalEndsTheWait) {
  Waits waits{.times = {}, .is_stopped = true};
  EXPECT_THAT(message_of<IoError>([&] { waits.patience().read([] { return fail(std::errc::io_error); }); }),
              HasSubstr("stopped by a signal after 1 tries"));
  EXPECT_THAT(waits.times, ElementsAre(100));
}

}  // namespace
}  // namespace fgm
