#include "core/config/ini.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "core/base/error.h"

namespace fgm {
namespace {

using testing::HasSubstr;

std::string error_of(const std::string& text) {
  try {
    parse_ini(text, "a.cfg");
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Ini, SectionsPrefixKeysAndCommentsVanish) {
  const auto settings =
      parse_ini("seed.x = 1\n# note\n[ run ]  # here\n dir = a = b  # why\r\n\n[train]\nsteps=\n", "a.cfg");
  ASSERT_EQ(settings.size(), 3u);
  EXPECT_EQ(settings[0].key, "seed.x");
  EXPECT_EQ(settings[1].key, "run.dir");
  EXPECT_EQ(settings[1].value, "a = b");
  EXPECT_EQ(settings[1].place, "a.cfg:4");
  EXPECT_EQ(settings[2].key, "train.steps");
  EXPECT_EQ(settings[2].value, "");
}

TEST(Ini, SectionMayBeOpenedAgain) {
  EXPECT_EQ(parse_ini("[a]\nx=1\n[b]\nx=1\n[a]\ny=1\n", "a.cfg").back().key, "a.y");
}

TEST(Ini, KeySetTwiceIsAnErrorNamingBothLines) {
  EXPECT_EQ(error_of("[a]\nx = 1\nx = 2\n"), "a.cfg:3: 'a.x' was already set at a.cfg:2");
  EXPECT_EQ(error_of("a.x = 1\n[a]\nx = 2\n"), "a.cfg:3: 'a.x' was already set at a.cfg:1");
}

TEST(Ini, BrokenLineIsAnErrorNamingIt) {
  EXPECT_EQ(error_of("[a]\nsteps 3\n"), "a.cfg:2: 'steps 3' is neither 'key = value' nor '[section]'");
  EXPECT_EQ(error_of("[a\n"), "a.cfg:1: '[a' does not end in ']'");
  EXPECT_EQ(error_of("[]\n"), "a.cfg:1: '[]' names no section");
  EXPECT_EQ(error_of("= 3\n"), "a.cfg:1: '= 3' has no key before '='");
}

TEST(Ini, FileThatCannotBeReadIsAnErrorNamingIt) {
  try {
    read_ini("/nowhere/a.cfg");
    FAIL() << "read a file that is not there";
  } catch (const IoError& error) {
    EXPECT_STREQ(error.what(), "config file '/nowhere/a.cfg' cannot be read: No such file or directory");
  }
  EXPECT_THROW(read_ini(std::filesystem::temp_directory_path()), IoError);
}

class IniFile : public testing::Test {
 protected:
  ~IniFile() override { std::filesystem::remove(path_); }
  std::vector<Setting> read(const std::string& bytes) const {
    std::ofstream(path_, std::ios::binary) << bytes;
    return read_ini(path_);
  }
  std::string error_of_file(const std::string& bytes) const {
    try {
      read(bytes);
    } catch (const Error& error) {
      EXPECT_EQ(error.exit_code(), kExitConfig);
      return error.what();
    }
    return "no error";
  }

  const std::string path_ = testing::TempDir() + fmt::format("ini_{}.cfg", getpid());
};

TEST_F(IniFile, OfWindowsAndOldMacsReadsLikeAnyOther) {
  for (const std::string text : {"\uFEFF[run]\r\ndir = a\r\n", "[run]\rdir = a", "\n[run]\ndir = a"}) {
    const auto settings = read(text);
    ASSERT_EQ(settings.size(), 1u) << text;
    EXPECT_EQ(settings[0].key, "run.dir");
    EXPECT_EQ(settings[0].value, "a");
  }
}

TEST_F(IniFile, KeepsTheBytesOfNames) {
  EXPECT_EQ(read("run.dir = cafe\u0301\n")[0].value, "cafe\u0301") << "another name than its normal form's";
}

TEST_F(IniFile, InAnotherEncodingIsAnErrorNamingIt) {
  EXPECT_THAT(error_of_file(std::string("\xFF\xFE[\0", 4)), HasSubstr(path_ + " is UTF-16"));
  EXPECT_THAT(error_of_file("[run]\ndir = caf\xE9\n"), HasSubstr(path_ + ":2: byte E9 is not UTF-8"));
  EXPECT_THAT(error_of_file(std::string("[run]\ndir = a\0b\n", 16)), HasSubstr(path_ + ":2: holds NUL"));
}

TEST(Ini, ALineWithBlanksOfAWebPageNamesThem) {
  EXPECT_THAT(error_of("\u00A0\n"), HasSubstr("it holds U+00A0 NO-BREAK SPACE"));
  EXPECT_THAT(error_of("[run]\u00A0\n"), HasSubstr("it holds U+00A0 NO-BREAK SPACE"));
  EXPECT_EQ(parse_ini("a.x\u00A0= 1", "a.cfg")[0].key, "a.x\u00A0") << "fields_test: it names what it holds";
}

TEST(Ini, EmptyFileHoldsNoSettings) {
  EXPECT_TRUE(read_ini("/dev/null").empty());
}

}  // namespace
}  // namespace fgm
