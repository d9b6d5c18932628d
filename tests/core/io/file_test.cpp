#include "core/io/file.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "core/base/error.h"
#include "tests/data/support/errors.h"
#include "tests/support/resource_limit.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;

class WriteFile : public ::testing::Test {
 protected:
  void SetUp() override { fs::create_directories(folder_); }
  void TearDown() override { fs::remove_all(folder_); }

  static std::string contents(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  int64_t num_files() const { return std::distance(fs::directory_iterator(folder_), fs::directory_iterator()); }

  fs::path folder_ = fs::path(::testing::TempDir()) / "fgm_write_file_test";
};

TEST_F(WriteFile, ReplacesAnOlderFileAndLeavesNothingElse) {
  write_file(folder_ / "a", "a longer older text");
  write_file(folder_ / "a", "new");
  EXPECT_EQ(contents(folder_ / "a"), "new");
  EXPECT_EQ(num_files(), 1);
}

TEST_F(WriteFile, MakesMissingParentFolders) {
  write_file(folder_ / "runs" / "one" / "a", "text");
  EXPECT_EQ(contents(folder_ / "runs" / "one" / "a"), "text");
}

TEST_F(WriteFile, LeavesNoTemporaryFileWhenTheNameIsAFolder) {
  fs::create_directories(folder_ / "taken" / "full");
  EXPECT_THROW(write_file(folder_ / "taken", "text"), IoError);
  EXPECT_EQ(num_files(), 1);
}

TEST_F(WriteFile, NamesThePathThatCannotBeWritten) {
  write_file(folder_ / "plain", "not a folder");
  try {
    write_file(folder_ / "plain" / "a", "text");
    FAIL() << "a file below a file was written";
  } catch (const IoError& error) {
    EXPECT_NE(std::string(error.what()).find("plain"), std::string::npos) << error.what();
    EXPECT_EQ(error.exit_code(), kExitConfig);
  }
}

TEST_F(WriteFile, AFullDiskWouldFailAgainAndLeavesTheOlderFile) {
  write_file(folder_ / "a", "older");
  const ResourceLimit full_disk(RLIMIT_FSIZE, 3);
  EXPECT_EQ(exit_code_from([&] { write_file(folder_ / "a", "a new text"); }), kExitDoNotRequeue);
  EXPECT_EQ(contents(folder_ / "a"), "older");
}

TEST_F(WriteFile, WhatCannotBeOpenedJustNowIsWorthAnotherStart) {
  write_file(folder_ / "a", "text");
  EXPECT_EQ(exit_code_from([&] { read_file(folder_ / "missing"); }), kExitConfig);
  const ResourceLimit no_files(RLIMIT_NOFILE, 0);
  EXPECT_EQ(exit_code_from([&] { read_file(folder_ / "a"); }), kExitCrash);
  EXPECT_EQ(exit_code_from([&] { write_file(folder_ / "a", "new"); }), kExitCrash);
}

}  // namespace
}  // namespace fgm
