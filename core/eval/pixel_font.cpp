#include "core/eval/pixel_font.h"

#include <cctype>

#include "core/base/error.h"
#include "core/base/text.h"

namespace fgm {
namespace {

constexpr int64_t kGlyphWidth = 5;

struct Glyph {
  char character;
  std::string_view rows;  // rows of five pixels, a blank between them: seven, or nine with a descender
};

constexpr Glyph kGlyphs[] = {
    {'a', "..... ..... .###. ....# .#### #...# .####"},
    {'b', "#.... #.... ####. #...# #...# #...# ####."},
    {'c', "..... ..... .#### #.... #.... #.... .####"},
    {'d', "....# ....# .#### #...# #...# #...# .####"},
    {'e', "..... ..... .###. #...# ##### #.... .####"},
    {'f', "..##. .#... ####. .#... .#... .#... .#..."},
    {'g', "..... ..... .#### #...# #...# #...# .#### ....# .###."},
    {'h', "#.... #.... ####. #...# #...# #...# #...#"},
    {'i', "..#.. ..... .##.. ..#.. ..#.. ..#.. .###."},
    {'j', "...#. ..... ..##. ...#. ...#. ...#. ...#. #..#. .##.."},
    {'k', "#.... #.... #..#. #.#.. ##... #.#.. #..#."},
    {'l', ".##.. ..#.. ..#.. ..#.. ..#.. ..#.. .###."},
    {'m', "..... ..... ##.#. #.#.# #.#.# #.#.# #.#.#"},
    {'n', "..... ..... ####. #...# #...# #...# #...#"},
    {'o', "..... ..... .###. #...# #...# #...# .###."},
    {'p', "..... ..... ####. #...# #...# #...# ####. #.... #...."},
    {'q', "..... ..... .#### #...# #...# #...# .#### ....# ....#"},
    {'r', "..... ..... #.##. ##..# #.... #.... #...."},
    {'s', "..... ..... .#### #.... .###. ....# ####."},
    {'t', ".#... .#... ####. .#... .#... .#... ..##."},
    {'u', "..... ..... #...# #...# #...# #...# .####"},
    {'v', "..... ..... #...# #...# #...# .#.#. ..#.."},
    {'w', "..... ..... #...# #.#.# #.#.# #.#.# .#.#."},
    {'x', "..... ..... #...# .#.#. ..#.. .#.#. #...#"},
    {'y', "..... ..... #...# #...# #...# #...# .#### ....# .###."},
    {'z', "..... ..... ##### ...#. ..#.. .#... #####"},
    {'0', ".###. #...# #..## #.#.# ##..# #...# .###."},
    {'1', "..#.. .##.. ..#.. ..#.. ..#.. ..#.. .###."},
    {'2', ".###. #...# ....# ..##. .#... #.... #####"},
    {'3', "####. ....# ....# .###. ....# ....# ####."},
    {'4', "#..#. #..#. #..#. ##### ...#. ...#. ...#."},
    {'5', "##### #.... ####. ....# ....# #...# .###."},
    {'6', ".###. #.... #.... ####. #...# #...# .###."},
    {'7', "##### ....# ...#. ..#.. ..#.. ..#.. ..#.."},
    {'8', ".###. #...# #...# .###. #...# #...# .###."},
    {'9', ".###. #...# #...# .#### ....# ....# .###."},
    {'.', "..... ..... ..... ..... ..... ..... ..#.."},
    {',', "..... ..... ..... ..... ..... ..#.. .#..."},
    {'-', "..... ..... ..... .###. ..... ..... ....."},
    {'_', "..... ..... ..... ..... ..... ..... #####"},
    {'\'', "..#.. ..#.. ..... ..... ..... ..... ....."},
    {' ', "..... ..... ..... ..... ..... ..... ....."},
};
constexpr std::string_view kBox = "##### #...# #...# #...# #...# #...# #####";

std::string_view glyph_rows(char character) {
  const auto lower = static_cast<char>(std::tolower(static_cast<unsigned char>(character)));
  const auto* found = std::ranges::find(kGlyphs, lower, &Glyph::character);
  return found == std::end(kGlyphs) ? kBox : found->rows;
}

void fill_black(at::Tensor& image_HWC, int64_t row, int64_t column, int64_t size) {
  const int64_t height = std::min(size, image_HWC.size(0) - row), width = std::min(size, image_HWC.size(1) - column);
  if (height > 0 && width > 0) image_HWC.narrow(0, row, height).narrow(1, column, width).zero_();
}

}  // namespace

void draw_text(at::Tensor& image_HWC, std::string_view text, int64_t row, int64_t column, int64_t scale) {
  check(row >= 0 && column >= 0 && scale > 0, "draw_text wants a place inside the image and a scale > 0");
  for (size_t i = 0; i < text.size(); ++i) {
    const auto rows = glyph_rows(text[i]);
    const int64_t left = column + static_cast<int64_t>(i) * kFontCellWidth * scale;
    for (size_t p = 0; p < rows.size(); ++p) {
      const auto y = static_cast<int64_t>(p) / (kGlyphWidth + 1), x = static_cast<int64_t>(p) % (kGlyphWidth + 1);
      if (rows[p] == '#') fill_black(image_HWC, row + y * scale, left + x * scale, scale);
    }
  }
}

std::vector<std::string> wrap_text(std::string_view text, int64_t width) {
  std::vector<std::string> lines;
  for (const auto& word : split(text, ' ')) {
    const auto shown = word.substr(0, static_cast<size_t>(width));
    const bool fits = !lines.empty() && lines.back().size() + 1 + shown.size() <= static_cast<size_t>(width);
    if (fits) {
      lines.back() += " " + shown;
    } else {
      lines.push_back(shown);
    }
  }
  return lines;
}

}  // namespace fgm
