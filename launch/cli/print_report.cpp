#include "launch/cli/print_report.h"

#include <algorithm>

#include "core/base/error.h"
#include "launch/cli/output.h"

namespace fgm {
namespace {

// A damaged file's names may hold anything, also what a terminal takes for commands.
std::string printable(std::string text) {
  std::ranges::replace_if(
      text, [](unsigned char c) { return (c < 0x20 && c != '\n' && c != '\t') || c == 0x7f; }, '?');
  return text;
}

}  // namespace

int print_report(const Report& report, bool is_json) {
  if (is_json) {
    print_json(report.json);
  } else {
    print_out(printable(report.text));
  }
  return report.is_well ? kExitDone : kExitConfig;
}

}  // namespace fgm
