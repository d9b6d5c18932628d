#include <cmath>

#include "core/base/error.h"
#include "core/eval/shapes/geometry.h"
#include "core/eval/shapes/scene.h"

namespace fgm::shapes {
namespace {

void paint(const Shape& shape, int64_t resolution, uint8_t* pixels) {
  const auto side = static_cast<double>(resolution);
  const auto first = [&](double center) {
    return std::max<int64_t>(0, static_cast<int64_t>(std::floor((center - shape.radius) * side)));
  };
  const auto last = [&](double center) {
    return std::min(resolution, static_cast<int64_t>(std::ceil((center + shape.radius) * side)));
  };
  const Rgb& color = kPalette[static_cast<size_t>(shape.color)];
  for (int64_t row = first(shape.cy); row < last(shape.cy); ++row) {
    for (int64_t column = first(shape.cx); column < last(shape.cx); ++column) {
      const double alpha = coverage(shape, row, column, resolution);
      uint8_t* pixel = pixels + (row * resolution + column) * 3;
      for (size_t c = 0; c < 3; ++c) {
        pixel[c] = static_cast<uint8_t>(std::lround(pixel[c] + alpha * (color[c] - pixel[c])));
      }
    }
  }
}

}  // namespace

double coverage(const Shape& shape, int64_t row, int64_t column, int64_t resolution) {
  constexpr int kSamples = 4;
  const auto side = static_cast<double>(resolution);
  int inside = 0;
  for (int i = 0; i < kSamples; ++i) {
    const double y = (static_cast<double>(row) + (i + 0.5) / kSamples) / side;
    for (int j = 0; j < kSamples; ++j) {
      const double x = (static_cast<double>(column) + (j + 0.5) / kSamples) / side;
      if (contains(shape.kind, (x - shape.cx) / shape.radius, (y - shape.cy) / shape.radius)) ++inside;
    }
  }
  return static_cast<double>(inside) / (kSamples * kSamples);
}

at::Tensor render(const Scene& scene, int64_t resolution) {
  check(resolution > 0, "render wants a resolution > 0, got {}", resolution);
  auto image_HWC = at::empty({resolution, resolution, 3}, at::kByte);
  auto* pixels = image_HWC.data_ptr<uint8_t>();
  for (int64_t i = 0; i < resolution * resolution; ++i) std::ranges::copy(kBackground, pixels + 3 * i);
  for (const auto& shape : scene.shapes) paint(shape, resolution, pixels);
  return image_HWC;
}

}  // namespace fgm::shapes
