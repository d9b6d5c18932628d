#pragma once

#include <ATen/ATen.h>

#include <array>
#include <cstdint>
#include <vector>

#include "core/base/rng.h"
#include "core/eval/shapes/request.h"

namespace fgm::shapes {

// A solid shape. Lengths are fractions of the image's side, x to the right and y down; every kind fills the
// square box of half-width `radius` around (cx, cy): the circle touches its sides, the triangle stands on the
// lower one.
struct Shape {
  Kind kind;
  Color color;
  double cx;
  double cy;
  double radius;
};

// Shapes that do not touch, on a plain grey background.
struct Scene {
  std::vector<Shape> shapes;
};

using Rgb = std::array<uint8_t, 3>;
// The middle of the range, so that scenes have a mean near 0 as a network sees them
// (docs/design/0013-scenes-on-grey.md).
inline constexpr Rgb kBackground = {128, 128, 128};
// In the order of Color. Seen from the background no two lie within 65 degrees, so a half-covered edge pixel
// still tells its colour.
inline constexpr std::array<Rgb, kNumColors> kPalette = {
    {{230, 30, 30}, {30, 200, 50}, {40, 70, 240}, {235, 215, 30}, {240, 240, 240}, {220, 30, 220}}};

// Every shape is 8 pixels wide in an image of 24, and its centre lies on a lattice of kNumPlaces x kNumPlaces points,
// 7 pixels apart: what the captions speak of (kinds, colours, counts, relations) is the task, not sizes and sub-pixel
// places, which cost a small network far more (docs/design/0007-scenes-on-a-lattice.md).
inline constexpr double kRadius = 4.0 / 24;
inline constexpr int kNumPlaces = 3;

// How much of the pixel (row, column) the shape covers, in [0, 1], from 4 x 4 samples.
double coverage(const Shape& shape, int64_t row, int64_t column, int64_t resolution);

// uint8 [resolution, resolution, 3], edges antialiased.
at::Tensor render(const Scene& scene, int64_t resolution);

// A random scene that shows what `request` asks for and nothing else: colours that are not named are drawn,
// boxes keep 1/12 of the side (2 pixels of 24) between them and half of that to the border, and of a relation
// the named direction is the larger of the two offsets. A function of (stream, sample) alone.
Scene draw_scene(const Request& request, const RandomStream& stream, int64_t sample);

}  // namespace fgm::shapes
