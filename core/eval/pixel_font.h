#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fgm {

// A character's cell in pixels before scaling: a glyph of 5 x 7 and the space to the next one and to the next line.
inline constexpr int64_t kFontCellWidth = 6;
inline constexpr int64_t kFontCellHeight = 10;

// Draws `text` in black with its first cell's upper left corner at (row, column) of `image_HWC`, uint8 [H, W,
// 3]; what falls outside is cut off. Lower-case letters, digits and . , - _ ' have a glyph, capitals take the
// lower-case one, anything else is a box.
void draw_text(at::Tensor& image_HWC, std::string_view text, int64_t row, int64_t column, int64_t scale);

// Breaks `text` at blanks into lines of at most `width` characters; a longer word is cut.
std::vector<std::string> wrap_text(std::string_view text, int64_t width);

}  // namespace fgm
