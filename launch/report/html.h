#pragma once

#include <string>
#include <string_view>
#include <vector>

// Pieces of a page. All text that comes from files goes through escape_html().
namespace fgm {

// Text as HTML and XML show it; characters that XML cannot hold, and bytes that are not UTF-8, become U+FFFD.
std::string escape_html(std::string_view text);

// RFC 4648, with padding.
std::string base64(std::string_view bytes);

// A table of escaped cells; "" without rows.
std::string html_table(const std::vector<std::string>& titles, const std::vector<std::vector<std::string>>& rows);

}  // namespace fgm
