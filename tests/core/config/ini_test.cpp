#include "core/config/ini.h"

#include <gtest/gtest.h>

#include "core/base/error.h"

namespace fgm {
namespace {

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

TEST(Ini, EmptyFileHoldsNoSettings) {
  EXPECT_TRUE(read_ini("/dev/null").empty());
}

}  // namespace
}  // namespace fgm
