#pragma once

#include <ATen/ATen.h>

#include <cstdint>

namespace fgm::shapes {

struct ObjectCount {
  int64_t num_objects = 0;
  int64_t num_undecided = 0;
};

// The objects of `image_HWC`, uint8 [S, S, 3], and how many of them are undecided: a mean of several answers instead of
// one of them, which a generator draws that has not made up its mind.
//
// An object is a component (segmentation.h) of at least the area of the smallest shape that detect() takes; a third of
// a colour is enough for its pixels, so that faint ones are seen. It is undecided
//  - in its shape, where no kind reaches kMinConfidence or two of them lie within kShapeMargin of each other, or
//  - in its colour, where more than half of its pixels lie further than kColorMargin from the palette's colour.
ObjectCount count_objects(const at::Tensor& image_HWC);

inline constexpr double kShapeMargin = 0.05;
inline constexpr double kColorMargin = 48;  // Euclidean, of 0 to 255; the palette's colours are at least 184 apart

}  // namespace fgm::shapes
