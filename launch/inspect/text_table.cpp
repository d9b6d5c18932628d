#include "launch/inspect/text_table.h"

#include <algorithm>

#include "core/base/error.h"

namespace fgm {

TextTable::TextTable(const std::vector<std::string>& titles) {
  std::vector<std::string> cells;
  for (const auto& title : titles) {
    is_right_.push_back(title.starts_with('>'));
    cells.push_back(title.substr(is_right_.back() ? 1 : 0));
  }
  add(std::move(cells));
}

void TextTable::add(std::vector<std::string> cells) {
  check(cells.size() == is_right_.size(), "a row of {} cells in a table of {} columns", cells.size(), is_right_.size());
  rows_.push_back(std::move(cells));
}

std::string TextTable::text() const {
  if (rows_.size() == 1) return "";
  std::vector<size_t> widths(is_right_.size(), 0);
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows_) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      line += "  ";
      line += is_right_[i] ? fmt::format("{:>{}}", row[i], widths[i]) : fmt::format("{:<{}}", row[i], widths[i]);
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

std::string cell(const nlohmann::ordered_json& value) {
  if (value.is_null()) return "-";
  return value.is_string() ? value.get<std::string>() : value.dump();
}

}  // namespace fgm
