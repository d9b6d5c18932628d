#include "launch/cli/print_report.h"

#include <fmt/ranges.h>

#include <ranges>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/base/text.h"
#include "launch/cli/output.h"

namespace fgm {
namespace {

// A damaged file's names may hold anything, also what a terminal takes for commands.
std::string printable_lines(std::string_view text) {
  std::vector<std::string> lines;
  for (const auto line : std::views::split(text, '\n')) {
    lines.push_back(printable({line.begin(), line.end()}, std::string::npos));
  }
  return fmt::format("{}", fmt::join(lines, "\n"));
}

}  // namespace

int print_report(const Report& report, bool is_json) {
  if (is_json) {
    print_json(report.json);
  } else {
    print_out(printable_lines(report.text));
  }
  return report.is_well ? kExitDone : kExitConfig;
}

}  // namespace fgm
