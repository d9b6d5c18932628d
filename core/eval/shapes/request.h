#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fgm::shapes {

// GenEval's six categories (Ghosh et al., arXiv 2310.11513, table 1), under its own names.
enum class Category { kSingleObject, kTwoObject, kCounting, kColors, kPosition, kColorAttr };
enum class Kind { kCircle, kSquare, kTriangle };
enum class Color { kRed, kGreen, kBlue, kYellow, kWhite, kMagenta };
enum class Relation { kLeftOf, kRightOf, kAbove, kBelow };

inline constexpr std::array<std::string_view, 6> kCategoryNames = {"single_object", "two_object", "counting",
                                                                   "colors",        "position",   "color_attr"};
inline constexpr std::array<std::string_view, 3> kKindNames = {"circle", "square", "triangle"};
inline constexpr std::array<std::string_view, 6> kColorNames = {"red", "green", "blue", "yellow", "white", "magenta"};
inline constexpr std::array<std::string_view, 4> kRelationNames = {"left of", "right of", "above", "below"};
inline constexpr std::array<std::string_view, 5> kCountNames = {"", "a", "two", "three", "four"};

inline constexpr int kNumCategories = static_cast<int>(kCategoryNames.size());
inline constexpr int kNumKinds = static_cast<int>(kKindNames.size());
inline constexpr int kNumColors = static_cast<int>(kColorNames.size());
inline constexpr int kNumRelations = static_cast<int>(kRelationNames.size());
inline constexpr int kMaxCount = static_cast<int>(kCountNames.size()) - 1;

// `count` shapes of one kind; any colours unless one is named.
struct ObjectSpec {
  Kind kind;
  std::optional<Color> color;
  int count = 1;

  bool operator==(const ObjectSpec&) const = default;
};

// What a caption asks for: one object spec, or two of different kinds; with a relation, objects[0] stands
// `relation` objects[1]. An image that satisfies it shows these shapes and no other.
struct Request {
  Category category;
  std::vector<ObjectSpec> objects;
  std::optional<Relation> relation;

  bool operator==(const Request&) const = default;
};

// "a circle", "three green circles", "a circle and a square", "a red triangle left of a white square": at
// most 8 words.
std::string caption(const Request& request);

// The exact inverse of caption() over the grammar of requests(); nothing for any other text.
std::optional<Request> parse_caption(std::string_view text);

// Training never shows a caption of kHeldOut, except in the categories that are too small to hold any out.
enum class Split { kTrain, kHeldOut };

// The requests of one category and split, in a fixed shuffled order. A sixth of counting (63 requests),
// colors (18), position (720) and color_attr (180) is held out by the hash of its caption; single_object (3)
// and two_object (6) are whole in both splits.
std::vector<Request> requests(Category category, Split split);

// Whether a category is too small to hold any caption out: no captions but these can be asked for.
bool is_whole(Category category);

// All six categories, one after the other.
std::vector<Request> requests(Split split);

}  // namespace fgm::shapes
