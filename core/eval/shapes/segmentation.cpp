#include "core/eval/shapes/segmentation.h"

#include <limits>

#include "core/base/error.h"
#include "core/eval/shapes/scene.h"

namespace fgm::shapes {
namespace {

constexpr int kBackgroundLabel = -1;

// How much of `color` the pixel holds, in [0, 1], and the squared distance to that mix of background and colour.
struct Mix {
  double share;
  double residual;
};

Mix mix_with(int color, const uint8_t* pixel) {
  double along = 0, length = 0, distance = 0;
  for (size_t c = 0; c < 3; ++c) {
    const double axis = kPalette[static_cast<size_t>(color)][c] - kBackground[c];
    const double value = pixel[c] - kBackground[c];
    along += axis * value;
    length += axis * axis;
    distance += value * value;
  }
  const double share = std::clamp(along / length, 0.0, 1.0);
  return {share, distance - 2 * share * along + share * share * length};
}

int classify(const uint8_t* pixel, double foreground_share) {
  Mix best{0, std::numeric_limits<double>::max()};
  int label = kBackgroundLabel;
  for (int color = 0; color < kNumColors; ++color) {
    const Mix mix = mix_with(color, pixel);
    if (mix.residual >= best.residual) continue;
    best = mix;
    label = color;
  }
  return best.share >= foreground_share ? label : kBackgroundLabel;
}

// Shares below a quarter are noise of the background and above three quarters a shape drawn too dim; between
// them lies a soft edge.
double edge_weight(double share) {
  return std::clamp(2 * share - 0.5, 0.0, 1.0);
}

class ComponentFinder {
 public:
  ComponentFinder(int64_t side, const uint8_t* pixels, double foreground_share)
      : side_(side), pixels_(pixels), labels_(side * side), owner_(side * side, kNobody) {
    for (int64_t i = 0; i < side * side; ++i) labels_[i] = classify(pixels + 3 * i, foreground_share);
  }

  std::vector<Component> run() {
    std::vector<Component> components;
    for (int64_t i = 0; i < side_ * side_; ++i) {
      if (labels_[i] == kBackgroundLabel || owner_[i] != kNobody) continue;
      components.push_back(grow(i, static_cast<int>(components.size())));
    }
    return components;
  }

 private:
  static constexpr int kNobody = -1;

  // A background pixel may belong to the edges of several components, so the last one that saw it owns it.
  Component grow(int64_t seed, int id) {
    const int color = labels_[seed];
    Component component{static_cast<Color>(color), {}};
    std::vector<int64_t> pending{seed};
    owner_[seed] = id;
    for (size_t next = 0; next < pending.size(); ++next) {
      const int64_t pixel = pending[next];
      const double weight = edge_weight(mix_with(color, pixels_ + 3 * pixel).share);
      if (weight > 0) component.cells.push_back({pixel / side_, pixel % side_, weight});
      if (labels_[pixel] == kBackgroundLabel) continue;
      for_each_neighbour(pixel, [&](int64_t neighbour) {
        const bool is_ours = labels_[neighbour] == color || labels_[neighbour] == kBackgroundLabel;
        if (!is_ours || owner_[neighbour] == id) return;
        owner_[neighbour] = id;
        pending.push_back(neighbour);
      });
    }
    return component;
  }

  template <typename Visit>
  void for_each_neighbour(int64_t pixel, const Visit& visit) const {
    const int64_t row = pixel / side_, column = pixel % side_;
    if (column > 0) visit(pixel - 1);
    if (column + 1 < side_) visit(pixel + 1);
    if (row > 0) visit(pixel - side_);
    if (row + 1 < side_) visit(pixel + side_);
  }

  int64_t side_;
  const uint8_t* pixels_;
  std::vector<int> labels_;
  std::vector<int> owner_;
};

}  // namespace

std::vector<Component> find_components(const at::Tensor& image_HWC, double foreground_share) {
  check(image_HWC.dim() == 3 && image_HWC.size(0) == image_HWC.size(1) && image_HWC.size(2) == 3 &&
            image_HWC.scalar_type() == at::kByte,
        "the shape detector wants a uint8 [S, S, 3] image, got {}", fmt::join(image_HWC.sizes(), " x "));
  const auto image = image_HWC.contiguous();
  return ComponentFinder(image.size(0), image.const_data_ptr<uint8_t>(), foreground_share).run();
}

}  // namespace fgm::shapes
