#pragma once

#include <cstdint>
#include <vector>

#include "launch/report/metrics_log.h"

namespace fgm {

// Neighbouring points of a curve as one: their mean at the last one's place, and between what they lie.
struct CurveBin {
  double x = 0.0;
  double mean = 0.0;
  double lowest = 0.0;
  double highest = 0.0;
};

// A curve of at most `most` bins, each of equally many neighbours (the last may have fewer), however many points there
// are; up to `most` points stand for themselves.
std::vector<CurveBin> bins_of(const std::vector<MetricsPoint>& points, int64_t most);

}  // namespace fgm
