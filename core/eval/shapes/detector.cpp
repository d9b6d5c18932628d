#include "core/eval/shapes/detector.h"

#include <cmath>
#include <optional>

#include "core/eval/shapes/geometry.h"
#include "core/eval/shapes/scene.h"
#include "core/eval/shapes/segmentation.h"

namespace fgm::shapes {
namespace {

constexpr double kLargestRadius = 1.6 * kRadius;

// Area in pixels and centroid as fractions of the side.
struct Moments {
  double area = 0;
  double x = 0;
  double y = 0;
};

Moments moments_of(const Component& component, int64_t resolution) {
  Moments m;
  for (const auto& cell : component.cells) {
    m.area += cell.weight;
    m.x += cell.weight * (static_cast<double>(cell.column) + 0.5);
    m.y += cell.weight * (static_cast<double>(cell.row) + 0.5);
  }
  const double scale = m.area * static_cast<double>(resolution);
  return {m.area, m.x / scale, m.y / scale};
}

// The shape of `kind` with this area and centroid.
Shape fit(Kind kind, Color color, const Moments& moments, int64_t resolution) {
  const auto k = static_cast<size_t>(kind);
  const double radius = std::sqrt(moments.area / kUnitArea[k]) / static_cast<double>(resolution);
  return {kind, color, moments.x, moments.y - kUnitCentroidY[k] * radius, radius};
}

// Intersection over union of two soft masks of one area: the intersection decides.
double overlap(const Shape& shape, const Component& component, double area, int64_t resolution) {
  double intersection = 0;
  for (const auto& cell : component.cells) {
    intersection += std::min(cell.weight, coverage(shape, cell.row, cell.column, resolution));
  }
  return intersection / (2 * area - intersection);
}

bool is_shape_size(double radius) {
  return radius >= kSmallestRadius && radius <= kLargestRadius;
}

std::optional<Detection> classify(const Component& component, int64_t resolution) {
  std::optional<Detection> best;
  for (const auto& match : match_kinds(component, resolution)) {
    if (match.confidence >= (best ? best->confidence : kMinConfidence)) best = match;
  }
  return best;
}

}  // namespace

std::array<Detection, kNumKinds> match_kinds(const Component& component, int64_t resolution) {
  const auto moments = moments_of(component, resolution);
  std::array<Detection, kNumKinds> matches;
  for (int i = 0; i < kNumKinds; ++i) {
    const Shape shape = fit(static_cast<Kind>(i), component.color, moments, resolution);
    const double confidence = is_shape_size(shape.radius) ? overlap(shape, component, moments.area, resolution) : 0;
    matches[i] = {shape.kind, shape.color, shape.cx, shape.cy, shape.radius, confidence};
  }
  return matches;
}

std::vector<Detection> detect(const at::Tensor& image_HWC) {
  std::vector<Detection> detections;
  for (const auto& component : find_components(image_HWC)) {
    if (const auto detection = classify(component, image_HWC.size(0))) detections.push_back(*detection);
  }
  return detections;
}

}  // namespace fgm::shapes
