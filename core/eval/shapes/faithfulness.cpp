#include "core/eval/shapes/faithfulness.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "core/eval/shapes/scene.h"

namespace fgm::shapes {
namespace {

// GenEval's POSITION_THRESHOLD.
constexpr double kPositionThreshold = 0.1;

std::optional<std::vector<Request>> parse_all(std::span<const std::string> prompts) {
  std::vector<Request> parsed;
  for (const auto& prompt : prompts) {
    auto request = parse_caption(prompt);
    if (!request) return std::nullopt;
    parsed.push_back(std::move(*request));
  }
  return parsed;
}

// The one detection that stands for an object of which one is asked.
const Detection& find(const ObjectSpec& object, std::span<const Detection> detections) {
  return *std::ranges::find(detections, object.kind, &Detection::kind);
}

int nearest_place(double center) {
  return std::clamp(static_cast<int>(std::floor(center * kNumPlaces)), 0, kNumPlaces - 1);
}

std::vector<int> layout_of(std::span<const Detection> detections) {
  std::vector<int> layout;
  for (const auto& found : detections) {
    const int place = nearest_place(found.cy) * kNumPlaces + nearest_place(found.cx);
    layout.push_back(place * kNumKinds + static_cast<int>(found.kind));
  }
  std::ranges::sort(layout);
  return layout;
}

Judgement judge_image(const Request& request, const at::Tensor& image_HWC) {
  const auto detections = detect(image_HWC);
  return {request.category, is_faithful(request, detections), layout_of(detections), count_objects(image_HWC)};
}

}  // namespace

bool holds(Relation relation, const Detection& a, const Detection& b) {
  const double dx = a.cx - b.cx, dy = a.cy - b.cy;
  const double margin = kPositionThreshold * 2 * (a.radius + b.radius);
  const double half_length = 0.5 * std::hypot(dx, dy);
  switch (relation) {
    case Relation::kLeftOf:
      return -dx - margin > half_length;
    case Relation::kRightOf:
      return dx - margin > half_length;
    case Relation::kAbove:
      return -dy - margin > half_length;
    case Relation::kBelow:
      return dy - margin > half_length;
  }
  return false;
}

bool is_faithful(const Request& request, std::span<const Detection> detections) {
  size_t asked = 0;
  for (const auto& object : request.objects) {
    const auto matches = std::ranges::count_if(detections, [&](const Detection& found) {
      return found.kind == object.kind && (!object.color || found.color == *object.color);
    });
    if (matches != object.count) return false;
    asked += static_cast<size_t>(object.count);
  }
  if (detections.size() != asked) return false;
  return !request.relation ||
         holds(*request.relation, find(request.objects[0], detections), find(request.objects[1], detections));
}

double Scores::overall() const {
  double sum = 0;
  for (const auto& category : categories) sum += category.value();
  return sum / static_cast<double>(categories.size());
}

std::optional<std::vector<Judgement>> judge(std::span<const std::string> prompts, const at::Tensor& images_NHWC) {
  check(images_NHWC.dim() == 4 && images_NHWC.size(0) == static_cast<int64_t>(prompts.size()),
        "scoring wants one image [S, S, 3] for each of the {} prompts, got {}", prompts.size(),
        fmt::join(images_NHWC.sizes(), " x "));
  const auto parsed = parse_all(prompts);
  if (!parsed || parsed->empty()) return std::nullopt;

  const auto images = images_NHWC.cpu();
  std::vector<Judgement> judgements(parsed->size());
  at::parallel_for(0, images.size(0), 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) judgements[i] = judge_image((*parsed)[i], images[i]);
  });
  return judgements;
}

Scores scores_of(std::span<const Judgement> judgements) {
  Scores scores;
  for (int c = 0; c < kNumCategories; ++c) {
    CategoryScore category{static_cast<Category>(c)};
    for (const auto& judgement : judgements) {
      if (judgement.category != category.category) continue;
      ++category.num_images;
      category.num_faithful += judgement.is_faithful;
    }
    if (category.num_images > 0) scores.categories.push_back(category);
  }
  return scores;
}

std::optional<Scores> score(std::span<const std::string> prompts, const at::Tensor& images_NHWC) {
  const auto judgements = judge(prompts, images_NHWC);
  if (!judgements) return std::nullopt;
  return scores_of(*judgements);
}

}  // namespace fgm::shapes
