#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace fgm {

// Rows of text in columns as wide as their widest cell, indented by two.
class TextTable {
 public:
  // A title that begins with '>' makes its column flush right.
  explicit TextTable(const std::vector<std::string>& titles);
  void add(std::vector<std::string> cells);
  // The titles, then the rows; "" when there is no row.
  std::string text() const;

 private:
  std::vector<bool> is_right_;
  std::vector<std::vector<std::string>> rows_;
};

// A value of a report as a cell of a table: "-" for null, a string without quotes.
std::string cell(const nlohmann::ordered_json& value);

// A value for a report, which has null where there is none.
template <typename Value>
nlohmann::ordered_json or_null(const std::optional<Value>& value) {
  return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json(nullptr);
}

}  // namespace fgm
