#include "core/eval/shapes/request.h"

#include <gtest/gtest.h>

#include <set>

#include "core/base/text.h"

namespace fgm::shapes {
namespace {

std::set<std::string> captions(const std::vector<Request>& list) {
  std::set<std::string> out;
  for (const auto& request : list) out.insert(caption(request));
  return out;
}

std::set<std::string> words(const std::vector<Request>& list) {
  std::set<std::string> out;
  for (const auto& request : list) {
    for (auto& word : split(caption(request), ' ')) out.insert(word);
  }
  return out;
}

std::vector<Request> every_request() {
  auto all = requests(Split::kTrain);
  for (auto& request : requests(Split::kHeldOut)) all.push_back(request);
  return all;
}

TEST(Caption, ReadsAsEnglish) {
  EXPECT_EQ(caption({Category::kSingleObject, {{Kind::kCircle, {}}}, {}}), "a circle");
  EXPECT_EQ(caption({Category::kTwoObject, {{Kind::kCircle, {}}, {Kind::kSquare, {}}}, {}}), "a circle and a square");
  EXPECT_EQ(caption({Category::kCounting, {{Kind::kCircle, Color::kGreen, 3}}, {}}), "three green circles");
  EXPECT_EQ(
      caption(
          {Category::kPosition, {{Kind::kTriangle, Color::kRed}, {Kind::kSquare, Color::kWhite}}, Relation::kLeftOf}),
      "a red triangle left of a white square");
}

TEST(Caption, HasAtMostTenWords) {
  for (const auto& text : captions(every_request())) EXPECT_LE(split(text, ' ').size(), 10u) << text;
}

TEST(ParseCaption, IsTheInverseOfCaptionOnTheWholeGrammar) {
  const auto all = every_request();
  ASSERT_EQ(captions(all).size(), 3u + 6u + 63u + 18u + 720u + 180u);
  for (const auto& request : all) {
    const auto parsed = parse_caption(caption(request));
    ASSERT_TRUE(parsed) << caption(request);
    EXPECT_EQ(*parsed, request) << caption(request);
  }
}

TEST(ParseCaption, RejectsWhatTheGrammarDoesNotSay) {
  for (const auto* text : {"", "circle", "a circle ", "A circle", "a photo of a t-shirt", "five circles", "two circle",
                           "a purple circle", "a circle and a circle", "a red circle and a square"}) {
    EXPECT_FALSE(parse_caption(text)) << text;
  }
}

TEST(Split, HoldsOutASixthOfEveryCategoryThatIsLargeEnough) {
  for (const auto category : {Category::kCounting, Category::kColors, Category::kPosition, Category::kColorAttr}) {
    const auto train = captions(requests(category, Split::kTrain));
    const auto held_out = captions(requests(category, Split::kHeldOut));
    EXPECT_EQ(held_out.size(), (train.size() + held_out.size()) / 6);
    for (const auto& text : held_out) EXPECT_FALSE(train.contains(text)) << text;
  }
}

TEST(Split, KeepsSmallCategoriesWholeInBoth) {
  for (const auto category : {Category::kSingleObject, Category::kTwoObject}) {
    EXPECT_EQ(captions(requests(category, Split::kTrain)), captions(requests(category, Split::kHeldOut)));
  }
}

TEST(Split, ShowsEveryHeldOutWordInTraining) {
  const auto train = words(requests(Split::kTrain));
  for (const auto& word : words(requests(Split::kHeldOut))) EXPECT_TRUE(train.contains(word)) << word;
}

}  // namespace
}  // namespace fgm::shapes
