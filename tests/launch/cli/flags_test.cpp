#include "launch/cli/flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "tests/support/errors.h"

namespace fgm {
namespace {

Flags flags_with(const std::string& name, const std::string& value) {
  Flags flags;
  flags.set(name, value);
  return flags;
}

TEST(Flags, AFlagThatWasNotGivenHasTheFallback) {
  const Flags flags = flags_with("other", "1");
  EXPECT_FALSE(flags.has("size"));
  EXPECT_EQ(flags.text("size"), "");
  EXPECT_EQ(flags.text("size", "large"), "large");
  EXPECT_EQ(flags.whole_number("size", 7), 7);
  EXPECT_EQ(flags.number("size", 0.5), 0.5);
  EXPECT_EQ(flags.choice<int>("size", {{"small", 1}, {"large", 2}}, 3), 3);
}

TEST(Flags, AFlagThatWasGivenIsReadAsTheTypeThatIsAskedFor) {
  EXPECT_TRUE(flags_with("size", "").has("size"));
  EXPECT_EQ(flags_with("size", "a#b").text("size", "x"), "a#b") << "no comment begins on a command line";
  EXPECT_EQ(flags_with("size", "12").whole_number("size", 7), 12);
  EXPECT_EQ(flags_with("size", "-0.25").number("size", 7), -0.25);
  EXPECT_EQ(flags_with("size", "large").choice<int>("size", {{"small", 1}, {"large", 2}}, 3), 2);
}

TEST(Flags, AValueOfAnotherTypeIsRefusedNamingTheFlag) {
  const auto error_of = [](const auto& read) { return message_of<ConfigError>(read); };
  EXPECT_EQ(error_of([] { flags_with("size", "3x").whole_number("size", 1); }), "--size = '3x' is not a whole number");
  EXPECT_EQ(error_of([] { flags_with("size", "much").number("size", 1); }), "--size = 'much' is not a number");
  EXPECT_EQ(error_of([] {
              flags_with("size", "huge").choice<int>("size", {{"small", 1}, {"large", 2}}, 1);
            }),
            "--size = 'huge' is not one of large, small");
}

}  // namespace
}  // namespace fgm
