#include "core/eval/comparison_sheet.h"

#include <fmt/format.h>

#include <set>

#include "core/base/error.h"
#include "core/eval/pixel_font.h"

namespace fgm {
namespace {

constexpr int64_t kFontScale = 2;
constexpr int64_t kGap = 8;
constexpr int64_t kPromptCharacters = 18;
constexpr int64_t kLineHeight = kFontCellHeight * kFontScale;
constexpr int64_t kHeaderHeight = 2 * kLineHeight;
constexpr int64_t kLegibleImage = 96;

int64_t text_width(int64_t num_characters) {
  return num_characters * kFontCellWidth * kFontScale;
}

// The place of the first image of each of the first `num_rows` different prompts.
std::vector<int64_t> choose_rows(const std::vector<std::string>& prompts, int64_t num_rows) {
  std::vector<int64_t> rows;
  std::set<std::string> seen;
  for (size_t i = 0; i < prompts.size() && static_cast<int64_t>(rows.size()) < num_rows; ++i) {
    if (seen.insert(prompts[i]).second) rows.push_back(static_cast<int64_t>(i));
  }
  return rows;
}

std::string steps_text(const ModelSamples& model) {
  return fmt::format("{} {}", model.steps, model.steps == 1 ? "step" : "steps");
}

struct Layout {
  int64_t scale;
  int64_t row_height;
  int64_t column_width;

  int64_t top(int64_t row) const { return kGap + kHeaderHeight + row * (row_height + kGap); }
  int64_t left(int64_t column) const {
    return 2 * kGap + text_width(kPromptCharacters) + column * (column_width + kGap);
  }
};

Layout lay_out(std::span<const ModelSamples> models, const std::vector<int64_t>& rows) {
  const auto& images = models[0].images_NHWC;
  const int64_t scale = std::max<int64_t>(1, kLegibleImage / images.size(1));
  Layout layout{scale, scale * images.size(1), scale * images.size(2)};
  for (const int64_t row : rows) {
    const auto lines = static_cast<int64_t>(wrap_text(models[0].prompts[row], kPromptCharacters).size());
    layout.row_height = std::max(layout.row_height, lines * kLineHeight);
  }
  for (const auto& model : models) {
    const auto longest = std::max(model.name.size(), steps_text(model).size());
    layout.column_width = std::max(layout.column_width, text_width(static_cast<int64_t>(longest)));
  }
  return layout;
}

void draw_column(at::Tensor& sheet, const ModelSamples& model, const std::vector<int64_t>& rows, const Layout& layout,
                 int64_t column) {
  const int64_t left = layout.left(column);
  draw_text(sheet, model.name, kGap, left, kFontScale);
  draw_text(sheet, steps_text(model), kGap + kLineHeight, left, kFontScale);
  for (size_t row = 0; row < rows.size(); ++row) {
    const auto image = model.images_NHWC[rows[row]].cpu();
    const auto large = image.repeat_interleave(layout.scale, 0).repeat_interleave(layout.scale, 1);
    const int64_t top = layout.top(static_cast<int64_t>(row));
    sheet.narrow(0, top, large.size(0)).narrow(1, left, large.size(1)).copy_(large);
  }
}

void draw_prompt(at::Tensor& sheet, const std::string& prompt, int64_t top) {
  for (const auto& line : wrap_text(prompt, kPromptCharacters)) {
    draw_text(sheet, line, top, kGap, kFontScale);
    top += kLineHeight;
  }
}

}  // namespace

at::Tensor comparison_sheet(std::span<const ModelSamples> models, int64_t num_rows) {
  require_comparable(models);
  check(num_rows > 0, "a comparison sheet needs at least one row");
  const auto& prompts = models[0].prompts;
  const auto rows = choose_rows(prompts, num_rows);
  const auto layout = lay_out(models, rows);
  auto sheet =
      at::full({layout.top(static_cast<int64_t>(rows.size())), layout.left(static_cast<int64_t>(models.size())), 3},
               255, at::kByte);
  for (size_t row = 0; row < rows.size(); ++row) {
    draw_prompt(sheet, prompts[rows[row]], layout.top(static_cast<int64_t>(row)));
  }
  for (size_t column = 0; column < models.size(); ++column) {
    draw_column(sheet, models[column], rows, layout, static_cast<int64_t>(column));
  }
  return sheet;
}

}  // namespace fgm
