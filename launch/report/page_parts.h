#pragma once

#include <span>
#include <string>

#include "launch/report/run_record.h"

// The sections of report_page() beside its charts; "" where there is nothing to show.
namespace fgm {

// Which runs, in which colours, how far they are, and what was found wrong with their files.
std::string overview(std::span<const RunRecord> runs);

// What `fgm eval` found (core/eval/report.h).
std::string score_tables(std::span<const RunRecord> runs);

// Grids from the first to the last, one row a run; what does not fit is said.
std::string sample_grids(std::span<const RunRecord> runs);

std::string checkpoint_tables(std::span<const RunRecord> runs);

// What differs between the runs, then all settings of each, folded away.
std::string settings_tables(std::span<const RunRecord> runs);

}  // namespace fgm
