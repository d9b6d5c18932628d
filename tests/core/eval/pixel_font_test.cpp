#include "core/eval/pixel_font.h"

#include <gtest/gtest.h>

#include <set>

namespace fgm {
namespace {

at::Tensor draw(std::string_view text, int64_t scale = 1) {
  auto image_HWC = at::full({12 * scale, 40 * scale, 3}, 255, at::kByte);
  draw_text(image_HWC, text, scale, scale, scale);
  return image_HWC;
}

std::string fingerprint(const at::Tensor& image_HWC) {
  const auto contiguous = image_HWC.contiguous();
  return {static_cast<const char*>(contiguous.const_data_ptr()), static_cast<size_t>(contiguous.numel())};
}

TEST(DrawText, GivesEveryCharacterAShapeOfItsOwn) {
  std::set<std::string> seen;
  const std::string characters = "abcdefghijklmnopqrstuvwxyz0123456789.,-_' ";
  for (const char c : characters) seen.insert(fingerprint(draw(std::string(1, c))));
  EXPECT_EQ(seen.size(), characters.size());
}

TEST(DrawText, StaysInsideTheGlyphCell) {
  for (const char c : std::string("gjpqy_#W0")) {
    const auto ink = draw(std::string(1, c)).eq(0).select(2, 0).nonzero();
    ASSERT_GT(ink.size(0), 0) << c;
    EXPECT_LE(ink.select(1, 0).max().item<int64_t>(), 1 + kFontCellHeight - 2) << c;
    EXPECT_LE(ink.select(1, 1).max().item<int64_t>(), 1 + kFontCellWidth - 2) << c;
  }
}

TEST(DrawText, ScalesEveryPixel) {
  const auto small = draw("ab");
  EXPECT_TRUE(at::equal(draw("ab", 3), small.repeat_interleave(3, 0).repeat_interleave(3, 1)));
}

TEST(DrawText, IsCutOffAtTheBorder) {
  auto paper = at::full({20, 60, 3}, 255, at::kByte), sheet = paper.clone();
  auto narrow = paper.narrow(0, 0, 4).narrow(1, 0, 8);
  draw_text(narrow, "long text", 0, 0, 1);
  draw_text(sheet, "long text", 0, 0, 1);
  const auto cut_off = sheet.narrow(0, 0, 4).narrow(1, 0, 8);
  ASSERT_GT(cut_off.eq(0).sum().item<int64_t>(), 0);
  EXPECT_TRUE(at::equal(narrow, cut_off));
  EXPECT_EQ(paper.eq(0).sum().item<int64_t>(), cut_off.eq(0).sum().item<int64_t>()) << "ink beyond the border";
}

TEST(WrapText, BreaksAtBlanksAndCutsLongWords) {
  EXPECT_EQ(wrap_text("a red circle and a square", 12), (std::vector<std::string>{"a red circle", "and a square"}));
  EXPECT_EQ(wrap_text("a red circle and a square", 11), (std::vector<std::string>{"a red", "circle and", "a square"}));
  EXPECT_EQ(wrap_text("a caterpillar", 5), (std::vector<std::string>{"a", "cater"}));
  EXPECT_TRUE(wrap_text("", 5).empty());
}

}  // namespace
}  // namespace fgm
