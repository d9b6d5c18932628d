#pragma once

#include <ATen/ATen.h>

#include <array>
#include <cstdint>
#include <vector>

#include "core/eval/shapes/request.h"
#include "core/eval/shapes/scene.h"
#include "core/eval/shapes/segmentation.h"

namespace fgm::shapes {

// A shape that was found; lengths as in Shape.
struct Detection {
  Kind kind;
  Color color;
  double cx;
  double cy;
  double radius;
  double confidence;  // soft intersection over union with the drawn shape of this kind, centroid and area
};

// A component whose best match overlaps less than this is no shape.
inline constexpr double kMinConfidence = 0.75;
inline constexpr double kSmallestRadius = 0.6 * kRadius;

// The solid shapes of `image_HWC`, uint8 [S, S, 3], row by row. Three steps, none of them learned:
//
// 1. each pixel is modelled as a mix of the background and one palette colour, the one that leaves the smallest
//    residual; it is foreground when the mix holds at least half of that colour;
// 2. 4-connected foreground of one colour is a component, with the background pixels around it as its soft edge;
// 3. a component is the kind whose drawn shape of equal centroid and area overlaps it most, if that overlap reaches
//    kMinConfidence and the shape's radius lies between kSmallestRadius and 1.6 times kRadius.
std::vector<Detection> detect(const at::Tensor& image_HWC);

// Step 3 for one component of an image of `resolution` pixels: it as each kind, in the order of Kind, with confidence
// 0 where the radius is not within those bounds.
std::array<Detection, kNumKinds> match_kinds(const Component& component, int64_t resolution);

}  // namespace fgm::shapes
