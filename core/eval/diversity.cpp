#include "core/eval/diversity.h"

#include <algorithm>
#include <cmath>

namespace fgm {
namespace {

int64_t num_images(const LayoutCounts& layouts) {
  int64_t sum = 0;
  for (const auto& [layout, count] : layouts) sum += count;
  return sum;
}

double expected_layouts(const LayoutCounts& layouts, int64_t num_drawn) {
  std::vector<int64_t> counts;
  for (const auto& [layout, count] : layouts) counts.push_back(count);
  return expected_distinct(counts, num_drawn);
}

}  // namespace

double expected_distinct(std::span<const int64_t> counts, int64_t num_drawn) {
  int64_t all = 0;
  for (const int64_t count : counts) all += count;
  double sum = 0;
  for (const int64_t count : counts) {
    double never = 1;
    for (int64_t draw = 0; draw < num_drawn; ++draw) {
      never *= static_cast<double>(std::max<int64_t>(0, all - count - draw)) / static_cast<double>(all - draw);
    }
    sum += 1 - never;
  }
  return sum;
}

std::vector<LayoutCounts> count_layouts(const ImagesByCaption& captions,
                                        std::span<const shapes::Judgement> judgements) {
  std::vector<LayoutCounts> out;
  for (const auto& images : captions) {
    auto& layouts = out.emplace_back();
    for (const int64_t image : images) {
      if (judgements[image].is_faithful) ++layouts[judgements[image].layout];
    }
  }
  return out;
}

std::optional<double> mean_layouts(std::span<const LayoutCounts> layouts) {
  double sum = 0;
  int64_t count = 0;
  for (const auto& caption : layouts) {
    if (num_images(caption) < 2) continue;
    sum += static_cast<double>(caption.size());
    ++count;
  }
  if (count == 0) return std::nullopt;
  return sum / static_cast<double>(count);
}

Stratum layouts_against(std::span<const LayoutCounts> ours, std::span<const LayoutCounts> theirs) {
  Stratum captions;
  for (size_t i = 0; i < ours.size(); ++i) {
    const int64_t num_drawn = std::min(num_images(ours[i]), num_images(theirs[i]));
    if (num_drawn < 2) continue;
    captions.push_back({expected_layouts(ours[i], num_drawn), expected_layouts(theirs[i], num_drawn)});
  }
  return captions;
}

std::optional<double> spread_within(const ImagesByCaption& captions, const at::Tensor& features_ND) {
  double squares = 0;
  int64_t freedom = 0;
  for (const auto& images : captions) {
    const auto x = features_ND.index_select(0, at::tensor(images, at::kLong)).to(at::kDouble);
    squares += (x - x.mean(0)).square().sum().item<double>();
    freedom += std::ssize(images) - 1;
  }
  if (freedom == 0) return std::nullopt;
  return std::sqrt(squares / static_cast<double>(freedom));
}

}  // namespace fgm
