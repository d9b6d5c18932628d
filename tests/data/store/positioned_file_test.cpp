#include "data/store/positioned_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <fstream>
#include <optional>
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

// A file whose descriptor has gone bad after it was opened.
class SpoiledFile : public ::testing::Test {
 protected:
  SpoiledFile() {
    write_text(path_, "0123456789");
    file_.emplace(path_);
    spoil_descriptor(path_);
  }

  const TemporaryFolder folder_;
  const std::filesystem::path path_ = std::filesystem::canonical(folder_.path()) / "a";
  std::optional<PositionedFile> file_;
};

TEST_F(SpoiledFile, IsOpenedAgain) {
  EXPECT_EQ(read_four(*file_), "2345");
  EXPECT_EQ(read_four(*file_), "2345");
}

TEST_F(SpoiledFile, ThatIsNotThereAgainNamesRecordAndErrorAndMayPass) {
  std::filesystem::rename(path_, folder_ / "away");
  EXPECT_THAT(message_of<IoError>([&] { read_four(*file_); }),
              HasSubstr("a': reading 4 bytes at 2 (from record 17 on) failed with EBADF: "));
  EXPECT_EQ(exit_code_from([&] { read_four(*file_); }), kExitCrash);
  std::filesystem::rename(folder_ / "away", path_);
  EXPECT_EQ(read_four(*file_), "2345");
}

TEST_F(SpoiledFile, IsNotTakenForAnotherOfItsName) {
  write_text(path_, "0123456789a");
  EXPECT_THAT(message_of<IoError>([&] { read_four(*file_); }), HasSubstr("a': is another file than the one that was"));
}

}  // namespace
}  // namespace fgm
