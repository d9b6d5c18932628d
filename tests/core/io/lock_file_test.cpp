#include "core/io/lock_file.h"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <optional>

#include "core/base/error.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"

namespace fgm {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST(LockFile, IsHadOnceAndLeavesNothingBehind) {
  const TemporaryFolder folder;
  const auto file = folder / "new" / "a.h5";
  std::optional<LockFile> lock(file);
  EXPECT_THAT(message_of<ConfigError>([&] { LockFile{file}; }),
              AllOf(HasSubstr("another process is writing"), HasSubstr("a.h5.lock")));
  const LockFile of_another_file(folder / "b.h5");
  lock.reset();
  EXPECT_TRUE(std::filesystem::is_empty(folder / "new"));
  EXPECT_NO_THROW(LockFile{file});
}

TEST(LockFile, IsGoneWithTheProcessThatWasKilled) {
  const TemporaryFolder folder;
  const auto file = folder / "a.h5";
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const LockFile lock(file);
    const char byte = 'x';
    if (::write(pipe[1], &byte, 1) != 1) ::_exit(1);
    for (;;) ::pause();
  }
  char byte = 0;
  ASSERT_EQ(::read(pipe[0], &byte, 1), 1);
  EXPECT_THROW(LockFile{file}, ConfigError);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ASSERT_TRUE(std::filesystem::exists(folder / "a.h5.lock")) << "nobody could remove it";
  EXPECT_NO_THROW(LockFile{file});
  ::close(pipe[0]);
  ::close(pipe[1]);
}

}  // namespace
}  // namespace fgm
