#include "core/eval/shapes/undecided.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "core/eval/shapes/detector.h"
#include "core/eval/shapes/geometry.h"
#include "core/eval/shapes/scene.h"
#include "core/eval/shapes/segmentation.h"

namespace fgm::shapes {
namespace {

constexpr double kFaintShare = 1.0 / 3;

double smallest_area(int64_t resolution) {
  const double radius = kSmallestRadius * static_cast<double>(resolution);
  return std::ranges::min(kUnitArea) * radius * radius;
}

bool is_shape_undecided(const Component& component, int64_t resolution) {
  auto matches = match_kinds(component, resolution);
  std::ranges::sort(matches, std::greater(), &Detection::confidence);
  return matches[0].confidence < kMinConfidence || matches[0].confidence - matches[1].confidence < kShapeMargin;
}

double distance_to(Color color, const uint8_t* pixel) {
  double squared = 0;
  for (size_t c = 0; c < 3; ++c) {
    const double difference = pixel[c] - kPalette[static_cast<size_t>(color)][c];
    squared += difference * difference;
  }
  return std::sqrt(squared);
}

bool is_color_undecided(const Component& component, const at::Tensor& image_HWC) {
  const auto* pixels = image_HWC.const_data_ptr<uint8_t>();
  const auto num_far = std::ranges::count_if(component.cells, [&](const Cell& cell) {
    return distance_to(component.color, pixels + 3 * (cell.row * image_HWC.size(1) + cell.column)) > kColorMargin;
  });
  return 2 * num_far > std::ssize(component.cells);
}

}  // namespace

ObjectCount count_objects(const at::Tensor& image_HWC) {
  const auto image = image_HWC.contiguous();
  ObjectCount count;
  for (const auto& component : find_components(image, kFaintShare)) {
    if (static_cast<double>(component.cells.size()) < smallest_area(image.size(0))) continue;
    ++count.num_objects;
    count.num_undecided += is_shape_undecided(component, image.size(0)) || is_color_undecided(component, image);
  }
  return count;
}

}  // namespace fgm::shapes
