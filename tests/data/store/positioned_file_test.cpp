#include "data/store/positioned_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "core/base/error.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"

namespace fgm {
namespace {

using ::testing::HasSubstr;

void write_text(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path) << text;
}

// Makes reads of this process's open `path` fail with EBADF, as one of a network file system that was away fails with
// ESTALE: what is open is swapped for a file that cannot be read.
void spoil_descriptor(const std::filesystem::path& path) {
  const int unreadable = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(unreadable, 0);
  int num_found = 0;
  for (int fd = 0; fd < 1024; ++fd) {
    std::error_code is_closed;
    if (std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd), is_closed) != path) continue;
    ::dup2(unreadable, fd);
    ++num_found;
  }
  ::close(unreadable);
  ASSERT_EQ(num_found, 1);
}

std::string read_four(const PositionedFile& file) {
  std::string text(4, ' ');
  file.read(2, std::as_writable_bytes(std::span(text)), /*record=*/17);
  return text;
}

TEST(PositionedFile, IsOpenedAgainWhenItsDescriptorHasGoneBad) {
  const TemporaryFolder folder;
  const auto path = std::filesystem::canonical(folder.path()) / "a";
  write_text(path, "0123456789");
  const PositionedFile file(path);
  spoil_descriptor(path);
  EXPECT_EQ(read_four(file), "2345");
  EXPECT_EQ(read_four(file), "2345");
}

TEST(PositionedFile, ThatIsNotThereAgainNamesRecordAndErrorAndMayPass) {
  const TemporaryFolder folder;
  const auto path = std::filesystem::canonical(folder.path()) / "a";
  write_text(path, "0123456789");
  const PositionedFile file(path);
  spoil_descriptor(path);
  std::filesystem::rename(path, folder / "away");
  EXPECT_THAT(message_of<IoError>([&] { read_four(file); }),
              HasSubstr("a': reading 4 bytes at 2 (from record 17 on) failed with EBADF: "));
  EXPECT_EQ(exit_code_from([&] { read_four(file); }), kExitCrash);
  std::filesystem::rename(folder / "away", path);
  EXPECT_EQ(read_four(file), "2345");
}

TEST(PositionedFile, DoesNotTakeAnotherFileForTheOneThatWasOpened) {
  const TemporaryFolder folder;
  const auto path = std::filesystem::canonical(folder.path()) / "a";
  write_text(path, "0123456789");
  const PositionedFile file(path);
  spoil_descriptor(path);
  write_text(path, "0123456789a");
  EXPECT_THAT(message_of<IoError>([&] { read_four(file); }), HasSubstr("a': is another file than the one that was"));
}

}  // namespace
}  // namespace fgm
