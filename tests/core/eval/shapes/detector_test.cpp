#include "core/eval/shapes/detector.h"

#include <gtest/gtest.h>

#include "core/base/rng.h"
#include "core/eval/shapes/dataset.h"
#include "core/eval/shapes/faithfulness.h"
#include "core/eval/shapes/scene.h"

namespace fgm::shapes {
namespace {

constexpr int64_t kNumScenes = 1200;

at::Tensor to_bytes(const at::Tensor& pixels) {
  return pixels.round().clamp(0, 255).to(at::kByte);
}

at::Tensor add_noise(const at::Tensor& images_NHWC, double sigma) {
  const auto noise = RandomStream(5, "test").normal(0, 0, images_NHWC.size(0), images_NHWC.sizes().slice(1));
  return to_bytes(images_NHWC.to(at::kFloat) + sigma * noise);
}

// Every pixel keeps `center` of itself along each axis and takes the rest from its two neighbours.
at::Tensor blur(const at::Tensor& images_NHWC, double center) {
  const auto shift = [](const at::Tensor& x, int64_t dim) { return (x.roll(1, dim) + x.roll(-1, dim)) / 2; };
  auto x = images_NHWC.to(at::kFloat);
  for (const int64_t dim : {1, 2}) x = center * x + (1 - center) * shift(x, dim);
  return to_bytes(x);
}

at::Tensor paint(const std::function<bool(int64_t, int64_t)>& is_inside) {
  auto image_HWC = render({}, 24);
  for (int64_t row = 0; row < 24; ++row) {
    for (int64_t column = 0; column < 24; ++column) {
      if (is_inside(row, column)) image_HWC[row][column].copy_(at::tensor({230, 30, 30}, at::kByte));
    }
  }
  return image_HWC;
}

TEST(Detect, FindsKindColourCentreAndSize) {
  const Shape shape{Kind::kTriangle, Color::kMagenta, 0.3, 0.6, 0.17};
  const auto found = detect(render({{shape}}, 24));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].kind, shape.kind);
  EXPECT_EQ(found[0].color, shape.color);
  // A quarter of a pixel.
  EXPECT_NEAR(found[0].cx, shape.cx, 0.01);
  EXPECT_NEAR(found[0].cy, shape.cy, 0.01);
  EXPECT_NEAR(found[0].radius, shape.radius, 0.01);
}

TEST(Detect, ScoresRenderedTruthOfEveryCategory) {
  for (const int64_t resolution : {24, 32}) {
    const auto data = make_shapes(resolution, kNumScenes, 1, Split::kTrain);
    const auto scores = score(data.prompts, data.images_NHWC);
    ASSERT_EQ(scores->categories.size(), 6u);
    for (const auto& category : scores->categories) {
      EXPECT_GE(category.value(), 0.98) << kCategoryNames[static_cast<size_t>(category.category)] << " at "
                                        << resolution;
    }
  }
}

TEST(Detect, SurvivesTheNoiseAndBlurOfAGenerativeModel) {
  for (const int64_t resolution : {24, 32}) {
    const auto data = make_shapes(resolution, kNumScenes, 2, Split::kHeldOut);
    EXPECT_GE(score(data.prompts, add_noise(data.images_NHWC, 12))->overall(), 0.95);
    EXPECT_GE(score(data.prompts, blur(data.images_NHWC, 0.6))->overall(), 0.95);
    EXPECT_GE(score(data.prompts, add_noise(blur(data.images_NHWC, 0.6), 12))->overall(), 0.95);
  }
}

TEST(Detect, FindsNothingInABlankImageOrOneOfOneColour) {
  EXPECT_TRUE(detect(render({}, 24)).empty());
  for (const Rgb& color : kPalette) {
    const auto rgb = at::tensor({color[0], color[1], color[2]}, at::kByte);
    EXPECT_TRUE(detect(rgb.expand({24, 24, 3})).empty());
  }
}

TEST(Detect, FindsNothingInNoise) {
  const auto uniform = to_bytes(255 * RandomStream(1, "test").uniform(0, 0, 500, {24, 24, 3}));
  for (int64_t i = 0; i < uniform.size(0); ++i) EXPECT_TRUE(detect(uniform[i]).empty()) << i;
}

TEST(Detect, TakesNoBlobForAShape) {
  const auto square = paint([](int64_t y, int64_t x) { return y >= 8 && y < 16 && x >= 8 && x < 16; });
  ASSERT_EQ(detect(square).size(), 1u);
  const auto bar = paint([](int64_t y, int64_t x) { return y >= 8 && y < 12 && x >= 4 && x < 18; });
  const auto corner =
      paint([](int64_t y, int64_t x) { return y >= 6 && y < 16 && x >= 6 && x < 16 && (y < 9 || x < 9); });
  const auto frame = paint([](int64_t y, int64_t x) {
    return y >= 6 && y < 16 && x >= 6 && x < 16 && (y < 8 || y > 13 || x < 8 || x > 13);
  });
  const auto dot = paint([](int64_t y, int64_t x) { return y >= 8 && y < 11 && x >= 8 && x < 11; });
  for (const auto& image : {bar, corner, frame, dot}) EXPECT_TRUE(detect(image).empty());
}

}  // namespace
}  // namespace fgm::shapes
