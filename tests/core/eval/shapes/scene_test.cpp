#include "core/eval/shapes/scene.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "core/eval/shapes/dataset.h"
#include "core/eval/shapes/faithfulness.h"

namespace fgm::shapes {
namespace {

Rgb pixel(const at::Tensor& image_HWC, int64_t row, int64_t column) {
  const auto rgb = image_HWC[row][column];
  return {rgb[0].item<uint8_t>(), rgb[1].item<uint8_t>(), rgb[2].item<uint8_t>()};
}

// Covered area in units of the image's side.
double painted_area(Kind kind, int64_t resolution) {
  const auto image = render({{{kind, Color::kWhite, 0.5, 0.5, 0.25}}}, resolution).to(at::kDouble);
  const double full = kPalette[static_cast<size_t>(Color::kWhite)][0] - kBackground[0];
  return ((image - kBackground[0]).sum() / (3 * full)).item<double>() / static_cast<double>(resolution * resolution);
}

TEST(Render, PaintsTheColourInsideAndTheBackgroundOutside) {
  const auto image_HWC = render({{{Kind::kCircle, Color::kRed, 0.25, 0.75, 0.125}}}, 24);
  ASSERT_EQ(image_HWC.sizes(), (std::vector<int64_t>{24, 24, 3}));
  EXPECT_EQ(pixel(image_HWC, 18, 6), kPalette[static_cast<size_t>(Color::kRed)]);
  EXPECT_EQ(pixel(image_HWC, 6, 18), kBackground);
}

TEST(Render, CoversTheAreaOfEachKind) {
  // 4 x 4 samples a pixel at 256 pixels: an error of well under one pixel along the outline.
  EXPECT_NEAR(painted_area(Kind::kCircle, 256), 3.14159265 / 16, 1e-3);
  EXPECT_NEAR(painted_area(Kind::kSquare, 256), 4.0 / 16, 1e-3);
  EXPECT_NEAR(painted_area(Kind::kTriangle, 256), 2.0 / 16, 1e-3);
}

TEST(DrawScene, IsAFunctionOfSeedAndSample) {
  const auto request = *parse_caption("a circle and a square");  // free in place and colour: 1296 scenes or more
  const auto draw = [&](uint64_t seed, int64_t sample) {
    return render(draw_scene(request, RandomStream(seed, "scene"), sample), 24);
  };
  EXPECT_TRUE(at::equal(draw(1, 5), draw(1, 5)));
  EXPECT_FALSE(at::equal(draw(1, 5), draw(1, 6)));
  EXPECT_FALSE(at::equal(draw(1, 5), draw(2, 5)));
}

TEST(DrawScene, KeepsShapesApartAndInsideTheImage) {
  const RandomStream stream(3, "scene");
  const auto request = *parse_caption("four squares");
  for (int64_t sample = 0; sample < 200; ++sample) {
    const auto shapes = draw_scene(request, stream, sample).shapes;
    ASSERT_EQ(shapes.size(), 4u);
    for (size_t i = 0; i < shapes.size(); ++i) {
      const auto& a = shapes[i];
      EXPECT_GE(std::min({a.cx, a.cy, 1 - a.cx, 1 - a.cy}) - a.radius, 1.0 / 24 - 1e-12);
      for (size_t j = 0; j < i; ++j) {
        const auto& b = shapes[j];
        const double distance = std::max(std::abs(a.cx - b.cx), std::abs(a.cy - b.cy));
        EXPECT_GE(distance - a.radius - b.radius, 2.0 / 24 - 1e-12);
      }
    }
  }
}

TEST(DrawScene, DrawsEveryColourWhenNoneIsNamed) {
  const RandomStream stream(3, "scene");
  const auto request = *parse_caption("a circle");
  std::array<int, kNumColors> seen{};
  for (int64_t sample = 0; sample < 600; ++sample) {
    ++seen[static_cast<size_t>(draw_scene(request, stream, sample).shapes[0].color)];
  }
  for (const int count : seen) EXPECT_GT(count, 60) << "100 of each are expected";
}

TEST(MakeShapes, DoesNotDependOnTheCount) {
  const auto few = make_shapes(24, 30, 7, Split::kTrain);
  const auto many = make_shapes(24, 90, 7, Split::kTrain);
  EXPECT_TRUE(at::equal(few.images_NHWC, many.images_NHWC.narrow(0, 0, 30)));
  EXPECT_TRUE(std::equal(few.prompts.begin(), few.prompts.end(), many.prompts.begin()));
}

TEST(MakeShapes, BalancesTheCategories) {
  const auto data = make_shapes(24, 600, 7, Split::kHeldOut);
  std::array<int, kNumCategories> seen{};
  for (const auto& prompt : data.prompts) ++seen[static_cast<size_t>(parse_caption(prompt)->category)];
  for (const int count : seen) EXPECT_EQ(count, 100);
}

TEST(MakeShapes, ShowsOtherScenesToTrainingThanToEvaluation) {
  const auto train = make_shapes(24, 6, 7, Split::kTrain), held_out = make_shapes(24, 6, 7, Split::kHeldOut);
  ASSERT_EQ(train.prompts[0], held_out.prompts[0]) << "a single_object caption is in both splits";
  EXPECT_FALSE(at::equal(train.images_NHWC[0], held_out.images_NHWC[0]));
}

TEST(MakeShapes, RefusesImagesTooSmallToClassify) {
  EXPECT_ANY_THROW(make_shapes(16, 6, 1, Split::kTrain));
}

TEST(BalancedCaptions, HoldEachTrainingCaptionAsManyOfEachCategoryAndNoneThatIsHeldOut) {
  const auto captions = balanced_captions(Split::kTrain);
  std::map<Category, int> num_of_category;
  for (const auto& text : captions) ++num_of_category[parse_caption(text).value().category];
  ASSERT_EQ(num_of_category.size(), static_cast<size_t>(kNumCategories));
  for (const auto& [category, count] : num_of_category)
    EXPECT_EQ(count, 600) << kCategoryNames[static_cast<size_t>(category)];

  const std::set<std::string> distinct(captions.begin(), captions.end());
  EXPECT_EQ(distinct.size(), requests(Split::kTrain).size());
  for (const auto& request : requests(Split::kTrain)) EXPECT_TRUE(distinct.contains(caption(request)));
  for (const auto category : {Category::kCounting, Category::kColors, Category::kPosition, Category::kColorAttr}) {
    for (const auto& request : requests(category, Split::kHeldOut)) {
      EXPECT_FALSE(distinct.contains(caption(request))) << caption(request);
    }
  }
}

}  // namespace
}  // namespace fgm::shapes
