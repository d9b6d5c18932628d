#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fgm {

struct CsvRecord {
  int64_t line = 0;  // where it begins; the first is 1
  std::vector<std::string> fields;
  std::string problem;  // why it cannot be used; else empty
};

// Comma-separated values (RFC 4180) of UTF-8 text, which has to outlive the reader. A field that begins with '"' goes
// on to the next single one, over separators and line ends, and '""' in it is one; anywhere else '"' is a character
// like any other. Lines end with \n, \r\n or \r.
class CsvReader {
 public:
  CsvReader(std::string_view text, char separator) : rest_(text), separator_(separator) {}

  // The next record that is no empty line; nothing at the end. IoError naming the line where a quote opens that is
  // never closed.
  std::optional<CsvRecord> next();

 private:
  std::string take_field(std::string& problem);
  std::string take_quoted();
  bool take_line_end();

  std::string_view rest_;
  char separator_;
  int64_t line_ = 1;
};

}  // namespace fgm
