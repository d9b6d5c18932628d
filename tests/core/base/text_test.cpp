#include "core/base/text.h"

#include <gmock/gmock.h>

#include "tests/support/errors.h"

namespace fgm {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kComposed = "caf\u00E9", kDecomposed = "cafe\u0301";

int64_t num_unseen(const std::string& text) {
  UnseenCharacters unseen;
  unseen.count(text, [] { return "line 1"; });
  return unseen.total();
}

std::string decoding_error(const std::string& bytes) {
  return message_of<IoError>([&] { decode_text(bytes, "a.txt"); });
}

TEST(Utf8, AcceptsEveryLengthAndRejectsIllFormedSequences) {
  for (const auto* text : {"", "plain", "\xC3\xBC", "\xE2\x82\xAC", "\xF0\x9F\x91\x95", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_TRUE(is_utf8(text)) << text;
  }
  const std::vector<std::string> ill_formed{
      "\x80", "\xC3", "\xC0\xAF", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF8\x88\x80\x80\x80", "a\xC3("};
  for (const auto& text : ill_formed) EXPECT_FALSE(is_utf8(text)) << testing::PrintToString(text);
}

TEST(DecodeText, LeavesOutTheByteOrderMarkAndNothingElse) {
  EXPECT_EQ(decode_text("\uFEFF a cat\r\n", "a.txt"), " a cat\r\n");
  EXPECT_EQ(decode_text(kDecomposed, "a.txt"), kDecomposed);
  EXPECT_EQ(decode_text("", "a.txt"), "");
}

TEST(DecodeText, NamesAnotherEncodingWithFileAndLine) {
  for (const std::string mark : {"\xFF\xFE", "\xFE\xFF", "\xFF\xFE\x01"}) {
    EXPECT_THAT(decoding_error(mark + std::string("c\0a\0", 4)), HasSubstr("a.txt is UTF-16, not UTF-8")) << mark;
  }
  EXPECT_THAT(decoding_error(std::string("c\0a\0", 4)), HasSubstr("UTF-16")) << "Windows writes it without a mark, too";
  EXPECT_THAT(decoding_error(std::string("\0c\0a", 4)), HasSubstr("UTF-16"));
  EXPECT_THAT(decoding_error("one\r\ntwo\ncaf\xE9\n"), HasSubstr("a.txt:3: byte E9 is not UTF-8"));
  EXPECT_THAT(decoding_error("cut \xE2\x82"), HasSubstr("a.txt:1: byte E2"));
  EXPECT_THAT(decoding_error(std::string("one\ntwo\0", 8)), HasSubstr("a.txt:2: holds NUL"));
}

TEST(LinesOf, EndAsOnUnixWindowsAndOldMacs) {
  EXPECT_THAT(lines_of("a\nb\r\nc\rd"), ElementsAre("a", "b", "c", "d"));
  EXPECT_THAT(lines_of("a\n\r\n\n"), ElementsAre("a", "", ""));
  EXPECT_THAT(lines_of(""), ElementsAre());
  EXPECT_THAT(lines_of("a\n\uFEFFb\uFEFF"), ElementsAre("a", "b\uFEFF")) << "files that were joined";
}

TEST(Nfc, ComposesAccentsHoweverTheyWereTypedAndLeavesTheRest) {
  EXPECT_EQ(to_nfc(kDecomposed), kComposed);
  EXPECT_EQ(to_nfc(kComposed), kComposed);
  EXPECT_EQ(to_nfc("\u212B \uAC00 \u1100\u1161"), "\u00C5 \uAC00 \uAC00") << "Angstrom and Hangul";
  for (const std::string kept : {"", "a t-shirt", "\uFB01ne \uFF11", "a\u00A0b", "\U0001F469\u200D\U0001F680"}) {
    EXPECT_TRUE(is_nfc(kept)) << kept;
    EXPECT_EQ(to_nfc(kept), kept) << "no form KC, no folding";
  }
  EXPECT_FALSE(is_nfc(kDecomposed));
}

TEST(UnseenCharacters, AreZeroWidthOnesAndBlanksThatAreNoPlainBlank) {
  for (const std::string odd :
       {"a\u00A0b", "a\u200Bb", "a\u3000b", "a\u2028b", "a\u00ADb", "a\uFEFFb", "a\u200Db", "a\u202Eb",
        "a\x1B"
        "b",
        "a\x0B"
        "b",
        "a\u0085b"}) {
    EXPECT_EQ(num_unseen(odd), 1) << odd;
  }
  EXPECT_EQ(num_unseen("plain text,\twith \r\n all that is usual: " + kDecomposed), 0);
  EXPECT_EQ(num_unseen("\U0001F469\u200D\U0001F680 \u2764\uFE0F \U0001F3F4\U000E0067\U000E007F"), 0)
      << "emoji need joiners, variation selectors and tags";
  EXPECT_EQ(num_unseen("\u0645\u06CC\u200C\u062E\u0648\u0627\u0647\u0645"), 0) << "and so does Persian";
}

TEST(Messages, NameWhatCannotBeSeen) {
  EXPECT_EQ(non_ascii_note("1e-4"), "");
  EXPECT_EQ(non_ascii_note("lr\u00A0"), "; it holds U+00A0 NO-BREAK SPACE");
  EXPECT_EQ(non_ascii_note("caf\xE9"), "; it holds byte E9");
  EXPECT_EQ(slip_at_ends("my run"), "");
  EXPECT_EQ(slip_at_ends("Bild 12.30\u202FUhr.png"), "") << "macOS writes such names";
  EXPECT_EQ(slip_at_ends("\u00A0run"), "begins with U+00A0 NO-BREAK SPACE");
  EXPECT_EQ(slip_at_ends("run\u200B"), "ends with U+200B ZERO WIDTH SPACE");
  EXPECT_EQ(slip_at_ends("\u201Crun\u201D"), "begins with U+201C LEFT DOUBLE QUOTATION MARK");
}

TEST(Messages, ArePrintableWhateverAFileNameHolds) {
  EXPECT_EQ(printable("caf\xE9/\x1B[2J" + kComposed), "caf\\xE9/\\x1B[2J" + kComposed);
  EXPECT_THAT(printable(std::string(100'000, 'x')), testing::SizeIs(testing::Lt(5000u)));
  EXPECT_THAT(printable(std::string(100'000, 'x'), std::string::npos), testing::SizeIs(100'000u));
}

}  // namespace
}  // namespace fgm
