#include "core/eval/diversity.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

namespace fgm {
namespace {

shapes::Judgement judged(int layout, bool is_faithful = true) {
  return {shapes::Category::kColors, is_faithful, {layout}, {}};
}

// The layouts of one caption.
std::vector<LayoutCounts> layouts_of(const std::vector<shapes::Judgement>& judgements) {
  ImagesByCaption captions(1, std::vector<int64_t>(judgements.size()));
  std::iota(captions[0].begin(), captions[0].end(), int64_t{0});
  return count_layouts(captions, judgements);
}

double ratio(const std::vector<shapes::Judgement>& ours, const std::vector<shapes::Judgement>& theirs) {
  const auto captions = layouts_against(layouts_of(ours), layouts_of(theirs));
  return captions.at(0).sum / captions.at(0).weight;
}

TEST(ExpectedDistinct, IsTheClosedForm) {
  const std::vector<int64_t> counts = {2, 1, 1};
  EXPECT_DOUBLE_EQ(expected_distinct(counts, 1), 1);
  EXPECT_DOUBLE_EQ(expected_distinct(counts, 2), 2 - 1.0 / 6) << "one of the six pairs is of one kind";
  EXPECT_DOUBLE_EQ(expected_distinct(counts, 4), 3);
}

TEST(Layouts, AreCountedAmongFaithfulImagesAlone) {
  const auto layouts = layouts_of({judged(1), judged(1), judged(2), judged(3, false), judged(4, false)});
  EXPECT_EQ(mean_layouts(layouts), 2.0);
  EXPECT_FALSE(mean_layouts(layouts_of({judged(1), judged(2, false)})));
}

TEST(Layouts, OfALessFaithfulModelWithTheSameIdeasAreAsMany) {
  const std::vector<shapes::Judgement> theirs = {judged(1), judged(2), judged(3), judged(4)};
  EXPECT_DOUBLE_EQ(ratio({judged(1), judged(2), judged(5, false), judged(6, false)}, theirs), 1);
}

TEST(Layouts, OfACollapsedModelAreOneOfTheTeachersNumber) {
  const std::vector<shapes::Judgement> theirs = {judged(1), judged(2), judged(3), judged(4)};
  EXPECT_DOUBLE_EQ(ratio({judged(1), judged(1), judged(1), judged(1)}, theirs), 1.0 / 4);
}

TEST(SpreadWithin, LeavesOutWhatCaptionsDifferIn) {
  // Two captions 100 apart; two images of each, 2 and 4 apart: squares to the means 2 and 8, one degree of freedom
  // each.
  const auto features = at::tensor({0.0f, 2.0f, 100.0f, 104.0f}).unsqueeze(1);
  EXPECT_DOUBLE_EQ(spread_within({{0, 1}, {2, 3}}, features).value(), std::sqrt((2.0 + 8.0) / 2));
  EXPECT_FALSE(spread_within({{0}, {1}, {2}, {3}}, features));
}

}  // namespace
}  // namespace fgm
