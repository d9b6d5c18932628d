#include "core/io/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "core/base/error.h"
#include "core/io/strict_json.h"
#include "tests/support/errors.h"
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

std::string json_error(const std::string& text) {
  return message_of<IoError>([&] { parse_json(text); });
}

TEST(Json, ErrorsNameThePlaceInOurWords) {
  EXPECT_EQ(json_error(""), "it is not valid JSON (it is empty)");
  EXPECT_EQ(json_error("{\"a\": [1, 2"), "it is not valid JSON (it is cut short)");
  EXPECT_EQ(json_error("{\n  \"a\": 1,\n  }\n"), "it is not valid JSON (line 3, column 3: '}' is unexpected)");
  EXPECT_EQ(json_error("{\u201Ca\u201D: 1}"),
            "it is not valid JSON (column 2: U+201C LEFT DOUBLE QUOTATION MARK is unexpected)");
  EXPECT_EQ(json_error("[1e999]"), "it is not valid JSON (a number in it is too large)");
  for (const std::string half : {R"(["\ud83d"])", R"(["\ud83d!"])", R"(["\ude00"])"}) {
    EXPECT_THAT(json_error(half), testing::HasSubstr("half of a character")) << half;
  }
  EXPECT_EQ(parse_json(R"(["\ud83d\ude00"])")[0], "\U0001F600");
}

TEST_F(WriteFile, AJsonFileIsUtf8WithOrWithoutAMark) {
  const auto path = folder_ / "a.json";
  write_file(path, "\uFEFF{\"a\": 1}\r\n");
  EXPECT_EQ(read_json(path)["a"], 1);
  const auto error_of = [&](const std::string& bytes) {
    write_file(path, bytes);
    return message_of<IoError>([&] { read_json(path); });
  };
  EXPECT_THAT(error_of(std::string("\xFF\xFE{\0}\0", 6)), testing::HasSubstr("a.json is UTF-16"));
  EXPECT_THAT(error_of("{\"a\":\n\"caf\xE9\"}"), testing::HasSubstr("a.json:2: byte E9 is not UTF-8"));
  EXPECT_THAT(error_of("<html>"), testing::HasSubstr("a.json: it is not valid JSON (column 1: '<' is unexpected)"));
}

}  // namespace
}  // namespace fgm
