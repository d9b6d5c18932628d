#pragma once

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

}  // namespace fgm
