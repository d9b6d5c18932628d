#include "launch/report/curve.h"

#include <algorithm>
#include <span>

namespace fgm {
namespace {

CurveBin bin_of(std::span<const MetricsPoint> points) {
  CurveBin bin{.x = points.back().images, .lowest = points[0].value, .highest = points[0].value};
  for (const auto& point : points) {
    bin.mean += point.value / static_cast<double>(points.size());
    bin.lowest = std::min(bin.lowest, point.value);
    bin.highest = std::max(bin.highest, point.value);
  }
  return bin;
}

}  // namespace

std::vector<CurveBin> bins_of(const std::vector<MetricsPoint>& points, int64_t most) {
  const size_t each = (points.size() + static_cast<size_t>(most) - 1) / static_cast<size_t>(most);
  std::vector<CurveBin> bins;
  for (size_t i = 0; i < points.size(); i += each) {
    bins.push_back(bin_of(std::span(points).subspan(i, std::min(each, points.size() - i))));
  }
  return bins;
}

}  // namespace fgm
