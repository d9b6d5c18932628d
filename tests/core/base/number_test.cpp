#include "core/base/number.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace fgm {
namespace {

TEST(ParseNumber, TakesTheWholeTextOrNothing) {
  EXPECT_EQ(parse_number<int64_t>("-12"), -12);
  EXPECT_EQ(parse_number<double>("1e-4"), 1e-4);
  for (const char* text : {"", " 1", "1 ", "+1", "1x", "0x10", "1.5"}) {
    EXPECT_FALSE(parse_number<int64_t>(text).has_value()) << text;
  }
  EXPECT_FALSE(parse_number<uint32_t>("-1").has_value());
}

TEST(ParseNumber, TellsWhatIsTooLargeFromWhatIsNoNumber) {
  int8_t number = 0;
  EXPECT_EQ(parse_number("128", number), std::errc::result_out_of_range);
  EXPECT_EQ(parse_number("12 8", number), std::errc::invalid_argument);
  EXPECT_EQ(parse_number("127", number), std::errc());
  EXPECT_EQ(number, 127);
}

TEST(LeadingDigits, EndBeforeTheFirstOtherCharacter) {
  EXPECT_EQ(leading_digits("28, time"), "28");
  EXPECT_EQ(leading_digits("007"), "007");
  EXPECT_EQ(leading_digits("x1"), "");
}

}  // namespace
}  // namespace fgm
