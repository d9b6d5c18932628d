#include "launch/coordinator/restart_guard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "core/base/error.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"

namespace fgm {
namespace {

class RestartGuardTest : public ::testing::Test {
 protected:
  // As a process of its own does: nothing but the file is remembered.
  void start(int64_t step) { RestartGuard(file_).start(step); }

  const TemporaryFolder folder_;
  const std::filesystem::path file_ = folder_ / "restarts.json";
};

TEST_F(RestartGuardTest, TheFourthStartFromTheSameStepIsNotRequeued) {
  for (int i = 0; i < 3; ++i) start(200);
  const auto message = message_of<DoNotRequeueError>([&] { start(200); });
  EXPECT_THAT(message, ::testing::HasSubstr("3 starts from step 200"));
  EXPECT_THAT(message, ::testing::HasSubstr(file_.string()));
  EXPECT_THROW(start(200), DoNotRequeueError) << "asking again must not help";
  std::filesystem::remove(file_);
  start(200);
}

TEST_F(RestartGuardTest, ALaterCheckpointOrACleanEndStartsTheCountAnew) {
  for (int i = 0; i < 3; ++i) start(0);
  for (int i = 0; i < 3; ++i) start(200);
  RestartGuard(file_).end_cleanly();
  EXPECT_FALSE(std::filesystem::exists(file_));
  for (int i = 0; i < 3; ++i) start(200);
  EXPECT_THROW(start(200), DoNotRequeueError);
}

TEST_F(RestartGuardTest, AFileThatCannotBeReadCountsAsNone) {
  for (const std::string bytes : {"{\"step\": 2", "[]", "{\"step\": 200, \"starts\": \"3\"}", "\xFF\xFE{"}) {
    std::ofstream(file_) << bytes;
    for (int i = 0; i < 3; ++i) start(200);
    EXPECT_THROW(start(200), DoNotRequeueError) << bytes;
  }
}

}  // namespace
}  // namespace fgm
