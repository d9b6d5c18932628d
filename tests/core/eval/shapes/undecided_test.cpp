#include "core/eval/shapes/undecided.h"

#include <gtest/gtest.h>

#include "core/eval/shapes/dataset.h"
#include "core/eval/shapes/scene.h"

namespace fgm::shapes {
namespace {

constexpr int64_t kSide = 24;

at::Tensor one_shape(Kind kind, Color color, double cx) {
  return render({{{kind, color, cx, 0.5, kRadius}}}, kSide);
}

at::Tensor blend(const at::Tensor& a, const at::Tensor& b) {
  return (0.5 * a.to(at::kFloat) + 0.5 * b.to(at::kFloat)).round().to(at::kByte);
}

void expect_undecided(const at::Tensor& image, int64_t num_objects) {
  const auto count = count_objects(image);
  EXPECT_EQ(count.num_objects, num_objects);
  EXPECT_EQ(count.num_undecided, num_objects);
}

TEST(CountObjects, FindsEveryDrawnSceneDecided) {
  const auto data = make_shapes(kSide, 300, 1, Split::kTrain);
  ObjectCount all;
  for (int64_t i = 0; i < 300; ++i) {
    const auto count = count_objects(data.images_NHWC[i]);
    all.num_objects += count.num_objects;
    all.num_undecided += count.num_undecided;
  }
  EXPECT_GT(all.num_objects, 450);
  EXPECT_EQ(all.num_undecided, 0);
}

TEST(CountObjects, SeesTwoKindsInOneObject) {
  expect_undecided(blend(one_shape(Kind::kCircle, Color::kRed, 0.5), one_shape(Kind::kSquare, Color::kRed, 0.5)), 1);
}

TEST(CountObjects, SeesTwoColoursInOneObject) {
  expect_undecided(blend(one_shape(Kind::kCircle, Color::kRed, 0.5), one_shape(Kind::kCircle, Color::kBlue, 0.5)), 1);
}

TEST(CountObjects, SeesOneObjectAtTwoPlaces) {
  expect_undecided(blend(one_shape(Kind::kCircle, Color::kRed, 0.2), one_shape(Kind::kCircle, Color::kRed, 0.8)), 2);
}

TEST(CountObjects, LeavesSpecksOut) {
  auto image = at::full({kSide, kSide, 3}, kBackground[0], at::kByte);
  image[3][3].fill_(240);
  EXPECT_EQ(count_objects(image).num_objects, 0);
}

}  // namespace
}  // namespace fgm::shapes
