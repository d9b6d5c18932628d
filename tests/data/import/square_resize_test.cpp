#include "data/import/square_resize.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/base/error.h"

namespace fgm {
namespace {

TEST(SquareResize, KeepsTheCentreOfAWideAndOfATallImage) {
  // The middle square is 100, the borders that must go are 255.
  for (const int64_t dim : {0, 1}) {
    auto image = at::full({dim == 0 ? 60 : 20, dim == 0 ? 20 : 60, 3}, 255, at::kByte);
    image.narrow(dim, 20, 20).fill_(100);
    EXPECT_TRUE(at::all(square_resize(image, 8) == 100).item<bool>());
  }
}

TEST(SquareResize, AveragesWhatItShrinks) {
  // One-pixel stripes: without antialiasing a sample is 0 or 255, with it all are near 127.
  auto image = at::zeros({64, 64, 3}, at::kByte);
  image.slice(1, 0, 64, 2).fill_(255);
  const auto small = square_resize(image, 8).slice(1, 1, 7).to(at::kFloat);
  EXPECT_LT((small - 127.5).abs().max().item<float>(), 6.0f);
}

// Resizing goes channel by channel; the numbers are those of all channels together.
TEST(SquareResize, GivesTheBitsOfAllChannelsAtOnce) {
  for (const auto& [height, width, side] : {std::array<int64_t, 3>{97, 64, 33}, {40, 300, 32}, {9, 9, 50}}) {
    const auto image = at::arange(height * width * 3).pow(2).remainder(251).to(at::kByte).view({height, width, 3});
    const int64_t crop = std::min(height, width);
    const auto square = image.narrow(0, (height - crop) / 2, crop).narrow(1, (width - crop) / 2, crop);
    const auto planes = square.permute({2, 0, 1}).unsqueeze(0).to(at::kFloat);
    const auto together = at::_upsample_bicubic2d_aa(planes, {side, side}, false)[0].permute({1, 2, 0});
    EXPECT_TRUE(at::equal(square_resize(image, side), together.round().clamp(0, 255).to(at::kByte)));
  }
}

TEST(SquareResize, LeavesAImageOfTheRightSizeAsItIs) {
  const auto image = at::arange(8 * 8 * 3).remainder(256).to(at::kByte).view({8, 8, 3});
  EXPECT_TRUE(at::equal(square_resize(image, 8), image));
}

TEST(SquareResize, ClampsTheOvershootOfTheFilter) {
  auto image = at::zeros({4, 4, 3}, at::kByte);
  image.slice(1, 2, 4).fill_(255);
  const auto large = square_resize(image, 16).to(at::kInt);
  EXPECT_EQ(large.slice(1, 0, 4).max().item<int>(), 0) << "an undershoot wrapped around";
  EXPECT_EQ(large.slice(1, 12, 16).min().item<int>(), 255) << "an overshoot wrapped around";
}

TEST(AspectBuckets, AreMultiplesFromTallToWideWithinTheSquaresArea) {
  const auto sizes = aspect_buckets(512, 16);
  EXPECT_TRUE(std::ranges::count(sizes, CropSize{512, 512}) == 1);
  for (const auto& [height, width] : sizes) {
    EXPECT_EQ(height % 16, 0);
    EXPECT_EQ(width % 16, 0);
    EXPECT_LE(height * width, 512 * 512);
    EXPECT_GT((height + 16) * width, 512 * 512) << "a larger one would be";
    EXPECT_LE(std::max(height, width), 2 * std::min(height, width));
  }
  EXPECT_EQ(aspect_buckets(16, 4), (std::vector<CropSize>{{20, 12}, {16, 16}, {12, 20}}));
  EXPECT_THROW(aspect_buckets(500, 16), ConfigError);
  EXPECT_THROW(aspect_buckets(int64_t{16} << 40, 16), ConfigError) << "too many sizes to count";
}

TEST(AspectBuckets, AnImageGoesToTheNearestAspectRatioAndLosesTheLeast) {
  const auto sizes = aspect_buckets(16, 4);
  EXPECT_EQ(nearest_aspect(sizes, 1000, 999), (CropSize{16, 16}));
  EXPECT_EQ(nearest_aspect(sizes, 100, 900), (CropSize{12, 20}));
  EXPECT_EQ(nearest_aspect(sizes, 60, 36), (CropSize{20, 12}));
  // 36 x 100 loses columns alone, on both sides.
  auto image = at::full({36, 100, 3}, 255, at::kByte);
  image.narrow(1, 20, 60).fill_(100);
  const auto cropped = crop_resize(image, {12, 20});
  EXPECT_EQ(cropped.sizes(), (std::vector<int64_t>{12, 20, 3}));
  EXPECT_TRUE(at::all(cropped == 100).item<bool>());
}

}  // namespace
}  // namespace fgm
