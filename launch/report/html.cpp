#include "launch/report/html.h"

#include <fmt/format.h>

#include <cstdint>
#include <nlohmann/json.hpp>

namespace fgm {
namespace {

// Bytes that are not UTF-8 become U+FFFD, as nlohmann's dump() has it; its quotes are taken off again.
std::string valid_utf8(std::string_view text) {
  using Json = nlohmann::json;
  const Json json = std::string(text);
  return Json::parse(json.dump(-1, ' ', false, Json::error_handler_t::replace)).get<std::string>();
}

std::string row_of(const std::vector<std::string>& cells, const char* tag) {
  std::string row = "<tr>";
  for (const auto& cell : cells) row += fmt::format("<{0}>{1}</{0}>", tag, escape_html(cell));
  return row + "</tr>\n";
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string escaped;
  for (const char c : valid_utf8(text)) {
    const bool is_control = static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t';
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += is_control ? "\xEF\xBF\xBD" : std::string(1, c);
    }
  }
  return escaped;
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t bits = 0;
    for (size_t j = i; j < i + 3; ++j) bits = bits << 8 | (j < bytes.size() ? static_cast<uint8_t>(bytes[j]) : 0u);
    for (int shift = 18; shift >= 0; shift -= 6) text += kDigits[bits >> shift & 63u];
  }
  const size_t num_padding = (3 - bytes.size() % 3) % 3;
  return text.replace(text.size() - num_padding, num_padding, num_padding, '=');
}

std::string html_table(const std::vector<std::string>& titles, const std::vector<std::vector<std::string>>& rows) {
  if (rows.empty()) return "";
  std::string table = "<table>\n" + row_of(titles, "th");
  for (const auto& row : rows) table += row_of(row, "td");
  return table + "</table>\n";
}

}  // namespace fgm
