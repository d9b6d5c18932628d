#pragma once

#include <string>
#include <vector>

#include "launch/report/curve.h"

namespace fgm {

// One line of a chart. Runs have a colour each, by their number.
struct ChartLine {
  std::string name;
  size_t run = 0;
  std::vector<CurveBin> bins;
};

// Lines over the images seen, as an inline SVG: means as lines, between the lowest and the highest a pale band. The
// range is that of the means; it is logarithmic where they are positive and span more than a factor of 30. "" without a
// point. `last_x` ends the axis of images.
std::string svg_chart(const std::string& title, const std::vector<ChartLine>& lines, double last_x);

// "#1f77b4": the colour of a run, the same in all charts.
std::string run_colour(size_t run);

}  // namespace fgm
