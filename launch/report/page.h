#pragma once

#include <span>
#include <string>

#include "launch/report/run_record.h"

namespace fgm {

// The report of runs as one HTML file, which is well-formed XML too and needs nothing beside it: no script, no network;
// curves are inline SVG and images are data. A chart of each number that a run wrote (but times) over the images seen,
// scores, samples over time, checkpoints, settings. Its size hardly depends on the length of the runs: a curve has at
// most 240 bins, a run shows at most 8 grids, and the grids take at most 16 MiB.
std::string report_page(std::span<const RunRecord> runs);

}  // namespace fgm
