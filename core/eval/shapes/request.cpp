#include "core/eval/shapes/request.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/base/hash.h"

namespace fgm::shapes {
namespace {

constexpr size_t kSmallestDividedCategory = 12;
constexpr size_t kHeldOutFraction = 6;

template <size_t N, typename Enum>
std::string_view name(const std::array<std::string_view, N>& names, Enum value) {
  return names[static_cast<size_t>(value)];
}

std::string phrase(const ObjectSpec& object) {
  return fmt::format("{} {}{}{}{}", kCountNames[static_cast<size_t>(object.count)],
                     object.color ? name(kColorNames, *object.color) : "", object.color ? " " : "",
                     name(kKindNames, object.kind), object.count > 1 ? "s" : "");
}

std::vector<Kind> all_kinds() {
  return {Kind::kCircle, Kind::kSquare, Kind::kTriangle};
}

std::vector<Color> all_colors() {
  std::vector<Color> colors;
  for (int i = 0; i < kNumColors; ++i) colors.push_back(static_cast<Color>(i));
  return colors;
}

std::vector<std::pair<Kind, Kind>> kind_pairs() {
  std::vector<std::pair<Kind, Kind>> pairs;
  for (const Kind a : all_kinds()) {
    for (const Kind b : all_kinds()) {
      if (a != b) pairs.emplace_back(a, b);
    }
  }
  return pairs;
}

std::vector<Request> single_objects() {
  std::vector<Request> out;
  for (const Kind kind : all_kinds()) out.push_back({Category::kSingleObject, {{kind, {}}}, {}});
  return out;
}

std::vector<Request> two_objects() {
  std::vector<Request> out;
  for (const auto& [a, b] : kind_pairs()) out.push_back({Category::kTwoObject, {{a, {}}, {b, {}}}, {}});
  return out;
}

std::vector<Request> counts() {
  std::vector<Request> out;
  for (const Kind kind : all_kinds()) {
    for (int count = 2; count <= kMaxCount; ++count) {
      out.push_back({Category::kCounting, {{kind, {}, count}}, {}});
      for (const Color color : all_colors()) out.push_back({Category::kCounting, {{kind, color, count}}, {}});
    }
  }
  return out;
}

std::vector<Request> colored_objects() {
  std::vector<Request> out;
  for (const Kind kind : all_kinds()) {
    for (const Color color : all_colors()) out.push_back({Category::kColors, {{kind, color}}, {}});
  }
  return out;
}

// Two kinds in two different colours, as in GenEval's color_attr: a swap of the colours is then always seen.
std::vector<Request> colored_pairs() {
  std::vector<Request> out;
  for (const auto& [a, b] : kind_pairs()) {
    for (const Color color_a : all_colors()) {
      for (const Color color_b : all_colors()) {
        if (color_a != color_b) out.push_back({Category::kColorAttr, {{a, color_a}, {b, color_b}}, {}});
      }
    }
  }
  return out;
}

std::vector<Request> positions() {
  std::vector<Request> out;
  for (const auto& pair : colored_pairs()) {
    for (int i = 0; i < kNumRelations; ++i) {
      out.push_back({Category::kPosition, pair.objects, static_cast<Relation>(i)});
    }
  }
  return out;
}

std::vector<Request> enumerate(Category category) {
  switch (category) {
    case Category::kSingleObject:
      return single_objects();
    case Category::kTwoObject:
      return two_objects();
    case Category::kCounting:
      return counts();
    case Category::kColors:
      return colored_objects();
    case Category::kPosition:
      return positions();
    case Category::kColorAttr:
      return colored_pairs();
  }
  return {};
}

std::map<std::string, Request, std::less<>> index_by_caption() {
  std::map<std::string, Request, std::less<>> index;
  for (int i = 0; i < kNumCategories; ++i) {
    for (auto& request : enumerate(static_cast<Category>(i))) index.emplace(caption(request), request);
  }
  return index;
}

}  // namespace

std::string caption(const Request& request) {
  std::string text = phrase(request.objects[0]);
  if (request.objects.size() == 1) return text;
  const auto link = request.relation ? name(kRelationNames, *request.relation) : "and";
  return fmt::format("{} {} {}", text, link, phrase(request.objects[1]));
}

std::optional<Request> parse_caption(std::string_view text) {
  static const auto kIndex = index_by_caption();
  const auto found = kIndex.find(text);
  if (found == kIndex.end()) return std::nullopt;
  return found->second;
}

std::vector<Request> requests(Category category, Split split) {
  auto all = enumerate(category);
  std::ranges::sort(all, {}, [](const Request& request) { return hash64(caption(request)); });
  if (all.size() < kSmallestDividedCategory) return all;
  const auto boundary = all.begin() + static_cast<std::ptrdiff_t>(all.size() / kHeldOutFraction);
  return split == Split::kHeldOut ? std::vector(all.begin(), boundary) : std::vector(boundary, all.end());
}

bool is_whole(Category category) {
  return enumerate(category).size() < kSmallestDividedCategory;
}

std::vector<Request> requests(Split split) {
  std::vector<Request> out;
  for (int i = 0; i < kNumCategories; ++i) {
    for (auto& request : requests(static_cast<Category>(i), split)) out.push_back(std::move(request));
  }
  return out;
}

}  // namespace fgm::shapes
