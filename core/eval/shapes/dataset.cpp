#include "core/eval/shapes/dataset.h"

#include <ATen/Parallel.h>

#include <algorithm>

#include "core/base/error.h"
#include "core/eval/shapes/scene.h"

namespace fgm::shapes {
namespace {

constexpr int64_t kMinResolution = 24;

using RequestsByCategory = std::array<std::vector<Request>, kNumCategories>;

RequestsByCategory requests_by_category(Split split) {
  RequestsByCategory by_category;
  for (int i = 0; i < kNumCategories; ++i) by_category[i] = requests(static_cast<Category>(i), split);
  return by_category;
}

// What record `i` shows.
const Request& request_of(const RequestsByCategory& by_category, int64_t i) {
  const auto& choices = by_category[i % kNumCategories];
  return choices[(i / kNumCategories) % choices.size()];
}

}  // namespace

ShapesDataset make_shapes(int64_t resolution, int64_t count, uint64_t seed, Split split) {
  require<ConfigError>(resolution >= kMinResolution, "shapes need a resolution of at least {} pixels, got {}",
                       kMinResolution, resolution);
  require<ConfigError>(count >= 0, "the number of scenes must not be negative, got {}", count);
  const auto by_category = requests_by_category(split);
  const RandomStream stream(seed, split == Split::kTrain ? "shapes.train" : "shapes.held_out");
  ShapesDataset out{std::vector<std::string>(count), at::empty({count, resolution, resolution, 3}, at::kByte)};
  at::parallel_for(0, count, 64, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const auto& request = request_of(by_category, i);
      out.prompts[i] = caption(request);
      out.images_NHWC[i].copy_(render(draw_scene(request, stream, i), resolution));
    }
  });
  return out;
}

std::vector<std::string> balanced_captions(Split split) {
  const auto by_category = requests_by_category(split);
  const auto& largest = std::ranges::max(by_category, {}, [](const auto& choices) { return choices.size(); });
  std::vector<std::string> captions;
  for (int64_t i = 0; i < kNumCategories * std::ssize(largest); ++i) {
    captions.push_back(caption(request_of(by_category, i)));
  }
  return captions;
}

}  // namespace fgm::shapes
