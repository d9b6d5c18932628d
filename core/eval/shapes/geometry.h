#pragma once

#include <array>
#include <numbers>

#include "core/eval/shapes/request.h"

namespace fgm::shapes {

// The three kinds in their box [-1, 1] x [-1, 1], y down, in the order of Kind.
inline constexpr std::array<double, kNumKinds> kUnitArea = {std::numbers::pi, 4.0, 2.0};
inline constexpr std::array<double, kNumKinds> kUnitCentroidY = {0.0, 0.0, 1.0 / 3.0};

constexpr bool contains(Kind kind, double x, double y) {
  switch (kind) {
    case Kind::kCircle:
      return x * x + y * y <= 1;
    case Kind::kSquare:
      return x >= -1 && x <= 1 && y >= -1 && y <= 1;
    case Kind::kTriangle:
      return y <= 1 && 2 * (x < 0 ? -x : x) <= y + 1;
  }
  return false;
}

}  // namespace fgm::shapes
