#pragma once

#include "launch/inspect/reports.h"

namespace fgm {

// Prints a report as JSON or as text, and returns the exit code: kExitConfig where it is not well.
int print_report(const Report& report, bool is_json);

}  // namespace fgm
