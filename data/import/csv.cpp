#include <algorithm>
#include <array>

#include "core/base/error.h"
#include "data/import/internal/csv.h"

namespace fgm {
namespace {

int64_t num_line_ends(std::string_view text) {
  int64_t count = std::ranges::count(text, '\n');
  for (size_t at = text.find('\r'); at != text.npos; at = text.find('\r', at + 1)) {
    if (!text.substr(at).starts_with("\r\n")) ++count;
  }
  return count;
}

}  // namespace

std::optional<CsvRecord> CsvReader::next() {
  constexpr std::string_view kByteOrderMark = "\uFEFF";  // stands before a line where files were joined
  do {
    if (rest_.starts_with(kByteOrderMark)) rest_.remove_prefix(kByteOrderMark.size());
  } while (take_line_end());
  if (rest_.empty()) return std::nullopt;
  CsvRecord record{.line = line_, .fields = {}, .problem = ""};
  for (;;) {
    record.fields.push_back(take_field(record.problem));
    if (!rest_.starts_with(separator_)) break;
    rest_.remove_prefix(1);
  }
  take_line_end();
  return record;
}

std::string CsvReader::take_field(std::string& problem) {
  const std::array kEnds = {separator_, '\r', '\n'};
  const bool is_quoted = rest_.starts_with('"');
  std::string field = is_quoted ? take_quoted() : "";
  const auto tail = rest_.substr(0, rest_.find_first_of(kEnds.data(), 0, kEnds.size()));
  if (is_quoted && !tail.empty()) {
    problem = "text follows a closing quote; a quote inside a quoted field is written twice";
  }
  field += tail;
  rest_.remove_prefix(tail.size());
  return field;
}

// From the opening quote to behind the closing one.
std::string CsvReader::take_quoted() {
  const int64_t opened = line_;
  std::string field;
  for (rest_.remove_prefix(1);;) {
    const size_t quote = rest_.find('"');
    require<IoError>(quote != rest_.npos, "line {}: the quote that opens a field there is never closed", opened);
    line_ += num_line_ends(rest_.substr(0, quote));
    field += rest_.substr(0, quote);
    rest_.remove_prefix(quote + 1);
    if (!rest_.starts_with('"')) return field;
    field += '"';
    rest_.remove_prefix(1);
  }
}

bool CsvReader::take_line_end() {
  if (!rest_.starts_with('\r') && !rest_.starts_with('\n')) return false;
  rest_.remove_prefix(rest_.starts_with("\r\n") ? 2 : 1);
  ++line_;
  return true;
}

}  // namespace fgm
