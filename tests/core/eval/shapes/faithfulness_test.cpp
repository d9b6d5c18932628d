#include "core/eval/shapes/faithfulness.h"

#include <gtest/gtest.h>

#include "core/eval/shapes/dataset.h"
#include "core/eval/shapes/scene.h"

namespace fgm::shapes {
namespace {

Detection at_place(Kind kind, Color color, double cx, double cy) {
  return {kind, color, cx, cy, 0.16, 1.0};
}

const Detection kRedCircle = at_place(Kind::kCircle, Color::kRed, 0.25, 0.5);
const Detection kBlueCircle = at_place(Kind::kCircle, Color::kBlue, 0.5, 0.2);
const Detection kWhiteSquare = at_place(Kind::kSquare, Color::kWhite, 0.75, 0.5);
const Detection kRedSquare = at_place(Kind::kSquare, Color::kRed, 0.75, 0.5);

bool is_faithful_to(const std::string& text, const std::vector<Detection>& detections) {
  return is_faithful(parse_caption(text).value(), detections);
}

TEST(IsFaithful, WantsTheRightKind) {
  EXPECT_TRUE(is_faithful_to("a circle", {kRedCircle}));
  EXPECT_FALSE(is_faithful_to("a circle", {kWhiteSquare}));
  EXPECT_FALSE(is_faithful_to("a circle", {}));
}

TEST(IsFaithful, WantsTheRightColour) {
  EXPECT_TRUE(is_faithful_to("a red circle", {kRedCircle}));
  EXPECT_FALSE(is_faithful_to("a red circle", {kBlueCircle}));
}

TEST(IsFaithful, WantsTheExactCount) {
  EXPECT_TRUE(is_faithful_to("two circles", {kRedCircle, kBlueCircle}));
  EXPECT_FALSE(is_faithful_to("two circles", {kRedCircle}));
  EXPECT_FALSE(is_faithful_to("two circles", {kRedCircle, kBlueCircle, kBlueCircle}));
  EXPECT_FALSE(is_faithful_to("two red circles", {kRedCircle, kBlueCircle}));
}

TEST(IsFaithful, SeesSwappedColours) {
  EXPECT_TRUE(is_faithful_to("a red circle and a white square", {kWhiteSquare, kRedCircle}));
  EXPECT_FALSE(is_faithful_to("a white circle and a red square", {kWhiteSquare, kRedCircle}));
}

TEST(IsFaithful, WantsTheRelation) {
  EXPECT_TRUE(is_faithful_to("a red circle left of a white square", {kRedCircle, kWhiteSquare}));
  EXPECT_TRUE(is_faithful_to("a white square right of a red circle", {kRedCircle, kWhiteSquare}));
  EXPECT_FALSE(is_faithful_to("a red circle right of a white square", {kRedCircle, kWhiteSquare}));
  EXPECT_FALSE(is_faithful_to("a red circle above a white square", {kRedCircle, kWhiteSquare}));
}

TEST(IsFaithful, FailsAnExtraShape) {
  EXPECT_FALSE(is_faithful_to("a circle", {kRedCircle, kRedSquare}));
  EXPECT_FALSE(is_faithful_to("a red circle", {kRedCircle, kBlueCircle}));
}

TEST(Holds, AllowsBothWordsOnTheDiagonalAndNeitherWhenCentresMeet) {
  const auto a = at_place(Kind::kCircle, Color::kRed, 0.2, 0.2), b = at_place(Kind::kSquare, Color::kRed, 0.7, 0.7);
  EXPECT_TRUE(holds(Relation::kLeftOf, a, b));
  EXPECT_TRUE(holds(Relation::kAbove, a, b));
  EXPECT_FALSE(holds(Relation::kRightOf, a, b));
  EXPECT_FALSE(holds(Relation::kLeftOf, a, a));
}

TEST(Holds, AsksForATenthOfTheWidthsBeyondHalfTheDistance) {
  // Equal radii r side by side at distance d hold when d - 0.4 r > d / 2, that is d > 0.8 r.
  const auto at_distance = [](double d) {
    return holds(Relation::kLeftOf, at_place(Kind::kCircle, Color::kRed, 0.5, 0.5),
                 at_place(Kind::kCircle, Color::kRed, 0.5 + d, 0.5));
  };
  EXPECT_TRUE(at_distance(0.81 * 0.16));
  EXPECT_FALSE(at_distance(0.79 * 0.16));
}

TEST(Score, IsNearChanceWhenEveryCaptionBelongsToTheNextScene) {
  const auto data = make_shapes(24, 1200, 1, Split::kTrain);
  ASSERT_GT(score(data.prompts, data.images_NHWC)->overall(), 0.98);
  auto prompts = data.prompts;
  std::rotate(prompts.begin(), prompts.begin() + kNumCategories, prompts.end());
  // Two of six two_object neighbours name the same kinds in the other order, the other categories rarely agree.
  EXPECT_LT(score(prompts, data.images_NHWC)->overall(), 0.08);
}

TEST(Score, CountsEachCategoryAndAveragesThemEqually) {
  const auto circle = render({{{Kind::kCircle, Color::kRed, 0.5, 0.5, 0.16}}}, 24);
  const std::vector<std::string> prompts = {"a circle", "a circle", "a square", "a red circle"};
  const auto scores = score(prompts, at::stack({circle, circle, circle, circle}));
  ASSERT_EQ(scores->categories.size(), 2u);
  EXPECT_EQ(scores->categories[0].num_faithful, 2);
  EXPECT_EQ(scores->categories[0].num_images, 3);
  EXPECT_DOUBLE_EQ(scores->overall(), (2.0 / 3 + 1.0) / 2);
}

TEST(Score, IsAbsentForPhotographs) {
  const std::vector<std::string> prompts = {"a circle", "a photo of a t-shirt"};
  EXPECT_FALSE(score(prompts, at::zeros({2, 24, 24, 3}, at::kByte)));
}

}  // namespace
}  // namespace fgm::shapes
