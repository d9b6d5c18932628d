#include "core/eval/shapes/scene.h"

#include <cmath>

namespace fgm::shapes {
namespace {

constexpr double kGap = 2.0 / 24;
constexpr double kBorder = 1.0 / 24;
constexpr double kRounding = 1e-9;
// Tries to place one shape before the whole scene is started over: early shapes may leave the last one no room.
constexpr int kTriesPerShape = 30;

// Reads one sample's random words in order.
class Draws {
 public:
  Draws(const RandomStream& stream, int64_t sample) : stream_(stream), sample_(sample) {}

  int below(int n) { return static_cast<int>((uint64_t{next()} * static_cast<uint64_t>(n)) >> 32); }

 private:
  uint32_t next() { return stream_.bits(/*step=*/0, sample_, position_++); }

  const RandomStream& stream_;
  int64_t sample_;
  int64_t position_ = 0;
};

bool are_apart(const Shape& a, const Shape& b) {
  return std::max(std::abs(a.cx - b.cx), std::abs(a.cy - b.cy)) >= a.radius + b.radius + kGap - kRounding;
}

bool is_placed(const Shape& a, Relation relation, const Shape& b) {
  const double dx = a.cx - b.cx, dy = a.cy - b.cy;
  switch (relation) {
    case Relation::kLeftOf:
      return -dx > std::abs(dy);
    case Relation::kRightOf:
      return dx > std::abs(dy);
    case Relation::kAbove:
      return -dy > std::abs(dx);
    case Relation::kBelow:
      return dy > std::abs(dx);
  }
  return false;
}

// The shapes that the request names, not yet placed.
std::vector<Shape> choose_shapes(const Request& request, Draws& draws) {
  std::vector<Shape> shapes;
  for (const auto& object : request.objects) {
    for (int i = 0; i < object.count; ++i) {
      const Color color = object.color ? *object.color : static_cast<Color>(draws.below(kNumColors));
      shapes.push_back({object.kind, color, 0, 0, kRadius});
    }
  }
  return shapes;
}

// From one border to the other in equal steps.
double lattice_place(int i) {
  constexpr double kFirst = kBorder + kRadius;
  return kFirst + (1 - 2 * kFirst) * i / (kNumPlaces - 1);
}

bool place(Shape& shape, std::span<const Shape> earlier, Draws& draws) {
  for (int i = 0; i < kTriesPerShape; ++i) {
    shape.cx = lattice_place(draws.below(kNumPlaces));
    shape.cy = lattice_place(draws.below(kNumPlaces));
    if (std::ranges::all_of(earlier, [&](const Shape& other) { return are_apart(shape, other); })) return true;
  }
  return false;
}

bool place_all(std::vector<Shape>& shapes, Draws& draws) {
  for (size_t i = 0; i < shapes.size(); ++i) {
    if (!place(shapes[i], std::span(shapes).first(i), draws)) return false;
  }
  return true;
}

}  // namespace

Scene draw_scene(const Request& request, const RandomStream& stream, int64_t sample) {
  Draws draws(stream, sample);
  Scene scene{choose_shapes(request, draws)};
  auto& shapes = scene.shapes;
  while (!place_all(shapes, draws) || (request.relation && !is_placed(shapes[0], *request.relation, shapes[1]))) {
  }
  return scene;
}

}  // namespace fgm::shapes
