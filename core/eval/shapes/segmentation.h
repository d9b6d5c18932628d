#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "core/eval/shapes/request.h"

namespace fgm::shapes {

// A pixel's share in a component, in (0, 1].
struct Cell {
  int64_t row;
  int64_t column;
  double weight;
};

// 4-connected pixels of one palette colour and the background pixels that touch them, which hold the rest of
// a soft edge.
struct Component {
  Color color;
  std::vector<Cell> cells;
};

// The share of a palette colour that makes a pixel foreground.
inline constexpr double kForegroundShare = 0.5;

// Steps 1 and 2 of detect() for an image uint8 [S, S, 3].
std::vector<Component> find_components(const at::Tensor& image_HWC, double foreground_share = kForegroundShare);

}  // namespace fgm::shapes
