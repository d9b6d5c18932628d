// Calls of the system that fail for a while, as those of a shared file system do, and another start of the run in
// between: nothing of the run may be lost by it.
#include <dirent.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <functional>

#include "core/base/error.h"
#include "launch/checkpoint/checkpoint.h"
#include "launch/checkpoint/checkpoints_folder.h"
#include "parallel/comm/self_communicator.h"
#include "tests/launch/coordinator/fake_job.h"
#include "tests/support/errors.h"
#include "tests/support/system_call.h"
#include "tests/support/temporary_folder.h"

namespace {

enum class Call { kNone, kRead, kOpenFolder, kReadFolder };
Call failing_call = Call::kNone;
int failure = 0;               // errno; 0: no memory
std::string place_of_failure;  // part of a path; "" is any

int calls_until_event = -1;  // of fsync; < 0: nothing happens
std::function<void()> event;
int folder_fsync_failure = 0;  // errno

bool fails(Call call, int descriptor) {
  if (call != failing_call) return false;
  std::array<char, 4096> path{};
  if (::readlink(fmt::format("/proc/self/fd/{}", descriptor).c_str(), path.data(), path.size() - 1) < 0) return false;
  if (std::string_view(path.data()).find(place_of_failure) == std::string_view::npos) return false;
  if (failure == 0) throw std::bad_alloc();
  errno = failure;
  return true;
}

}  // namespace

// The linker prefers these to the C library's, also for calls from libstdc++.
extern "C" {
ssize_t read(int descriptor, void* bytes, size_t count) {
  if (fails(Call::kRead, descriptor)) return -1;
  return fgm::system_call<ssize_t(int, void*, size_t)>("read")(descriptor, bytes, count);
}
int fsync(int descriptor) {
  if (calls_until_event >= 0 && calls_until_event-- == 0) event();
  struct stat status {};
  if (folder_fsync_failure == 0 || ::fstat(descriptor, &status) != 0 || !S_ISDIR(status.st_mode)) return 0;
  errno = folder_fsync_failure;
  return -1;
}
DIR* fdopendir(int descriptor) {
  if (fails(Call::kOpenFolder, descriptor)) return nullptr;
  return fgm::system_call<DIR*(int)>("fdopendir")(descriptor);
}
dirent* readdir(DIR* folder) {
  if (fails(Call::kReadFolder, ::dirfd(folder))) return nullptr;
  return fgm::system_call<dirent*(DIR*)>("readdir")(folder);
}
}

namespace fgm {
namespace {

namespace fs = std::filesystem;
using support::FakeJob;
using ::testing::AllOf;
using ::testing::HasSubstr;

class Fault : public ::testing::Test {
 protected:
  void TearDown() override {
    failing_call = Call::kNone;
    folder_fsync_failure = 0;
  }

  FakeJob job() { return {*self_, folder_.path(), config_, {.keep = 1}}; }
  void save_two_steps() {
    FakeJob writer(*self_, folder_.path(), config_, {.keep = 2});
    writer.save(2);
    writer.save(4);
  }
  // What a start with --resume auto ends with.
  std::string restart(Call call, int number, const std::string& place) {
    failing_call = call, failure = number, place_of_failure = place;
    std::string message;
    const int code = exit_code_from([&] {
      try {
        job().coordinator().restore("auto");
      } catch (const Error& error) {
        message = error.what();
        throw;
      }
    });
    failing_call = Call::kNone;
    EXPECT_EQ(code, kExitCrash) << message;
    return message;
  }
  // Nothing was lost by the failed start: the next one goes on from the newest step, and its save keeps that one.
  void expect_all_there() {
    FakeJob resumed = job();
    ASSERT_EQ(resumed.coordinator().restore("auto")->step, 4);
    EXPECT_TRUE(resumed.holds(4));
    EXPECT_EQ(saved_steps(folder_ / "checkpoints"), (std::vector<int64_t>{2, 4}));
  }

  const TemporaryFolder folder_;
  const std::unique_ptr<Communicator> self_ = make_self_communicator(at::kCPU);
  const Config config_ = support::smallest_config();
};

TEST_F(Fault, AFileSystemWithoutFsyncOfFoldersSavesAndOtherFailuresOfItAreOnes) {
  for (const int unknown : {EINVAL, ENOTSUP}) {
    folder_fsync_failure = unknown;
    save_two_steps();
  }
  folder_fsync_failure = EIO;
  EXPECT_EQ(exit_code_from([&] { save_two_steps(); }), kExitCrash);
  folder_fsync_failure = 0;
  EXPECT_EQ(job().coordinator().restore("auto")->step, 4);
}

TEST_F(Fault, WhatCannotBeReadNowIsNotDamagedAndEndsTheStart) {
  save_two_steps();
  for (const char* file : {"student_optim-00000-of-00001.safetensors", kManifestFile, kCommitFile}) {
    for (const int number : {EIO, ESTALE, EACCES, ENOENT}) {
      const auto message = restart(Call::kRead, number, std::string("step-00000004/") + file);
      EXPECT_THAT(message, AllOf(HasSubstr("step-00000004 could not be read now"), HasSubstr(file),
                                 HasSubstr("no checkpoint was changed")))
          << number;
    }
  }
  EXPECT_THAT(restart(Call::kRead, 0, "step-00000004/student-"), HasSubstr("bad_alloc"));
  expect_all_there();
}

TEST_F(Fault, AFileIsMissingOnlyWhereItsFolderCanBeListed) {
  save_two_steps();
  const fs::path file = folder_ / "checkpoints" / step_folder_name(4) / "student-00000-of-00001.safetensors";
  fs::rename(file, folder_ / "kept");
  EXPECT_THAT(restart(Call::kOpenFolder, ESTALE, "step-00000004"), HasSubstr("could not be read now"));
  fs::rename(folder_ / "kept", file);
  expect_all_there();
  fs::remove(file);
  EXPECT_EQ(job().coordinator().restore("auto")->step, 2);
}

TEST_F(Fault, ARunWhoseCheckpointsCannotBeListedDoesNotBeginAnew) {
  save_two_steps();
  for (const Call call : {Call::kOpenFolder, Call::kReadFolder}) {
    for (const int number : {EIO, ESTALE, EMFILE, ENOENT}) {
      EXPECT_THAT(restart(call, number, "checkpoints"), HasSubstr("cannot list")) << number;
    }
  }
  expect_all_there();
}

TEST_F(Fault, OlderStepsThatCannotBeListedStay) {
  save_two_steps();
  FakeJob resumed = job();
  ASSERT_EQ(resumed.coordinator().restore("auto")->step, 4);
  failing_call = Call::kReadFolder, failure = EIO, place_of_failure = "checkpoints";
  resumed.save(6);
  failing_call = Call::kNone;
  EXPECT_EQ(saved_steps(folder_ / "checkpoints"), (std::vector<int64_t>{2, 4, 6}));
}

TEST_F(Fault, AStartAtAnyMomentOfAnothersSaveTakesTheRunOverAndKeepsWhatItGoesOnFrom) {
  int moment = 0, num_older = 0, num_newer = 0;
  for (bool was_disturbed = true; was_disturbed; ++moment) {
    fs::remove_all(folder_ / "checkpoints");
    FakeJob earlier = job(), later = job();
    earlier.save(2);
    int64_t taken = 0;
    event = [&] { taken = later.coordinator().restore("auto")->step; };
    calls_until_event = moment;
    try {
      earlier.save(4);
      was_disturbed = false;
    } catch (const Error& error) {
      EXPECT_EQ(error.exit_code(), kExitDoNotRequeue) << moment << ": " << error.what();
      EXPECT_THAT(error.what(), HasSubstr("a later start has taken this run over")) << moment;
    }
    calls_until_event = -1;
    if (!was_disturbed) break;
    num_older += taken == 2;
    num_newer += taken == 4;
    ASSERT_TRUE(later.holds(taken));
    Checkpoint::open(folder_ / "checkpoints" / step_folder_name(taken)).verify();
    later.save(6);
    EXPECT_EQ(saved_steps(folder_ / "checkpoints"), std::vector<int64_t>{6}) << moment;
  }
  EXPECT_GE(num_older, 2 * 8) << "each of 6 files, the manifest and COMMIT is fsynced, and its folder";
  EXPECT_EQ(num_newer, 1) << "then the folder in which step 4 was published";
}

}  // namespace
}  // namespace fgm
