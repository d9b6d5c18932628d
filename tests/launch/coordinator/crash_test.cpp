// A process that is killed anywhere in a save, before each call that orders what is on disk in turn; and a full disk.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "core/base/error.h"
#include "parallel/comm/self_communicator.h"
#include "tests/launch/coordinator/fake_job.h"
#include "tests/support/system_call.h"
#include "tests/support/temporary_folder.h"

namespace {

int calls_until_kill = -1;  // < 0: nobody is killed
bool is_disk_full = false;

void count_call() {
  if (calls_until_kill >= 0 && calls_until_kill-- == 0) ::_exit(9);
}

}  // namespace

// The linker prefers these to the C library's, also for calls from libstdc++.
extern "C" {
int fsync(int) {
  count_call();
  return 0;  // a kill loses nothing that was written, so the disk need not be waited for
}
int rename(const char* from, const char* to) noexcept {
  count_call();
  return fgm::system_call<int(const char*, const char*)>("rename")(from, to);
}
int mkdir(const char* path, mode_t mode) noexcept {
  count_call();
  return fgm::system_call<int(const char*, mode_t)>("mkdir")(path, mode);
}
ssize_t write(int descriptor, const void* bytes, size_t count) {
  if (is_disk_full) {
    errno = ENOSPC;
    return -1;
  }
  return fgm::system_call<ssize_t(int, const void*, size_t)>("write")(descriptor, bytes, count);
}
int unlinkat(int folder, const char* path, int flags) noexcept {
  count_call();
  return fgm::system_call<int(int, const char*, int)>("unlinkat")(folder, path, flags);
}
}

namespace fgm {
namespace {

using support::FakeJob;

class Crash : public ::testing::Test {
 protected:
  // What a process does with the run's folder: a job of its own saves `state` as `step`.
  void save(int64_t step, int64_t state) {
    FakeJob job(*self_, folder_->path(), config_, {.keep = 1});
    job.fill(state);
    job.coordinator().save(step);
  }
  // False: it was killed at that call; true: it made fewer.
  bool save_and_be_killed(int64_t step, int64_t state, int call) {
    const pid_t child = ::fork();
    if (child == 0) {
      calls_until_kill = call;
      save(step, state);
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status)) << "call " << call;
    return WEXITSTATUS(status) == 0;
  }

  std::unique_ptr<TemporaryFolder> folder_;
  const std::unique_ptr<Communicator> self_ = make_self_communicator(at::kCPU);
  const Config config_ = support::smallest_config();
};

TEST_F(Crash, AnywhereInASaveLeavesTheOlderStepOrTheNewOneWhole) {
  int num_kills = 0, num_old = 0;
  for (bool is_finished = false; !is_finished; ++num_kills) {
    folder_ = std::make_unique<TemporaryFolder>();
    save(1, 1);
    is_finished = save_and_be_killed(2, 2, num_kills);
    FakeJob job(*self_, folder_->path(), config_, {.keep = 1});
    const auto restored = job.coordinator().restore("auto");
    ASSERT_TRUE(restored.has_value()) << "call " << num_kills;
    EXPECT_TRUE(job.holds(restored->step)) << "call " << num_kills;
    num_old += restored->step == 1;
    job.save(3);
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_->path() / "checkpoints"), {}), 2)
        << "and OWNER";
  }
  EXPECT_GT(num_old, 3 * 8) << "each of 6 files, the manifest and COMMIT is fsynced, renamed, and its folder fsynced";
  EXPECT_LT(num_old, num_kills - 1) << "and at some of them the new step was published";
}

TEST_F(Crash, AnywhereInReplacingTheOnlyStepLeavesOneOfTheTwoStates) {
  int num_kills = 0, num_old = 0;
  for (bool is_finished = false; !is_finished; ++num_kills) {
    folder_ = std::make_unique<TemporaryFolder>();
    save(1, 1);
    is_finished = save_and_be_killed(1, 2, num_kills);
    FakeJob job(*self_, folder_->path(), config_, {.keep = 1});
    ASSERT_TRUE(job.coordinator().restore("auto").has_value()) << "call " << num_kills;
    EXPECT_NE(job.holds(1), job.holds(2)) << "call " << num_kills;
    num_old += job.holds(1);
  }
  EXPECT_GT(num_old, 3 * 8);
  EXPECT_LT(num_old, num_kills - 1);
}

TEST_F(Crash, AFullDiskIsDoNotRequeueAndLeavesTheOlderStepAlone) {
  folder_ = std::make_unique<TemporaryFolder>();
  save(1, 1);
  FakeJob job(*self_, folder_->path(), config_, {.keep = 1});
  int exit_code = 0;
  is_disk_full = true;
  try {
    job.coordinator().save(2);
  } catch (const Error& error) {
    exit_code = error.exit_code();
  }
  is_disk_full = false;
  EXPECT_EQ(exit_code, kExitDoNotRequeue);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_->path() / "checkpoints"), {}), 2) << "and OWNER";
  EXPECT_EQ(job.coordinator().restore("auto")->step, 1);
}

}  // namespace
}  // namespace fgm
