#include "launch/runtime/error_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <vector>

#include "tests/support/temporary_folder.h"

namespace fgm {
namespace {

// What processes print that call print_error_once() at the same time, each with one of `messages`.
std::string printed_by(const std::vector<std::string>& messages, const std::filesystem::path& said) {
  std::array<int, 2> ends{};
  EXPECT_EQ(pipe(ends.data()), 0);
  const auto [from, to] = ends;
  for (const auto& message : messages) {
    if (fork() != 0) continue;
    dup2(to, STDERR_FILENO);
    print_error_once(said, "", message);
    _exit(0);
  }
  close(to);
  std::string text;
  std::array<char, 4096> bytes{};
  for (ssize_t count = 0; (count = read(from, bytes.data(), bytes.size())) > 0;) {
    text.append(bytes.data(), static_cast<size_t>(count));
  }
  close(from);
  for (size_t i = 0; i < messages.size(); ++i) wait(nullptr);
  return text;
}

TEST(ErrorLine, OfManyProcessesAtOnceComesOnceForEachMessage) {
  const TemporaryFolder folder;
  std::vector<std::string> messages(20, "the disk is full");
  messages.insert(messages.end(), 20, "the disk is");
  const auto text = printed_by(messages, folder / "said");
  EXPECT_THAT(text,
              testing::AnyOf("fgm: the disk is full\nfgm: the disk is\n", "fgm: the disk is\nfgm: the disk is full\n"));
}

TEST(ErrorLine, ComesFromEachProcessWhereTheyHaveNoFile) {
  const std::string line = "fgm: the disk is full\n";
  for (const char* nowhere : {"", "/nowhere/said"}) {
    EXPECT_EQ(printed_by(std::vector<std::string>(3, "the disk is full"), nowhere), line + line + line);
  }
}

}  // namespace
}  // namespace fgm
