#include "core/io/png.h"

#include <gtest/gtest.h>
#include <png.h>

#include "core/base/error.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;

at::Tensor read_png(const fs::path& path) {
  png_image header{};
  header.version = PNG_IMAGE_VERSION;
  if (png_image_begin_read_from_file(&header, path.c_str()) == 0) throw IoError(header.message);
  header.format = PNG_FORMAT_RGB;
  auto image_HWC = at::empty({header.height, header.width, 3}, at::kByte);
  if (png_image_finish_read(&header, nullptr, image_HWC.data_ptr(), 0, nullptr) == 0) throw IoError(header.message);
  return image_HWC;
}

at::Tensor counting_images(at::IntArrayRef shape) {
  return at::arange(c10::multiply_integers(shape), at::kLong).remainder(251).to(at::kByte).reshape(shape);
}

TEST(WritePng, IsDecodedByLibpngToTheSamePixels) {
  const auto path = fs::path(::testing::TempDir()) / "fgm_png_test.png";
  const auto image_HWC = counting_images({5, 7, 3});
  write_png(path, image_HWC);
  EXPECT_TRUE(at::equal(read_png(path), image_HWC));
  fs::remove(path);
}

TEST(WritePng, WritesTheViewThatItWasGiven) {
  const auto path = fs::path(::testing::TempDir()) / "fgm_png_view_test.png";
  const auto view_HWC = counting_images({5, 7, 3}).transpose(0, 1);
  ASSERT_FALSE(view_HWC.is_contiguous());
  write_png(path, view_HWC);
  EXPECT_TRUE(at::equal(read_png(path), view_HWC));
  fs::remove(path);
}

TEST(WritePng, RefusesWhatIsNotAnRgbByteImage) {
  EXPECT_THROW(write_png("never.png", at::zeros({5, 7, 4}, at::kByte)), Error);
  EXPECT_THROW(write_png("never.png", at::zeros({5, 7, 3}, at::kFloat)), Error);
  EXPECT_FALSE(fs::exists("never.png"));
}

TEST(ImageGrid, PutsImageIInRowIOverColumnsWithGaps) {
  const auto images_NHWC = counting_images({5, 60, 70, 3});
  const auto grid = image_grid(images_NHWC, /*columns=*/2, /*gap=*/1);
  EXPECT_EQ(grid.sizes(), (std::vector<int64_t>{3 * 60 + 2, 2 * 70 + 1, 3}));
  EXPECT_TRUE(at::equal(grid.narrow(0, 61, 60).narrow(1, 71, 70), images_NHWC[3]));
  const auto gap_column = grid.select(1, 70);
  EXPECT_TRUE(gap_column.eq(gap_column[0][0]).all().item<bool>());
}

TEST(ImageGrid, EnlargesSmallImages) {
  const auto images_NHWC = counting_images({1, 20, 30, 3});
  const auto grid = image_grid(images_NHWC, 1);
  ASSERT_EQ(grid.sizes(), (std::vector<int64_t>{60, 90, 3})) << "three times as large: 120 would be beyond 96";
  for (int64_t dy = 0; dy < 3; ++dy) {
    for (int64_t dx = 0; dx < 3; ++dx) {
      EXPECT_TRUE(at::equal(grid.slice(0, dy, std::nullopt, 3).slice(1, dx, std::nullopt, 3), images_NHWC[0]));
    }
  }
}

}  // namespace
}  // namespace fgm
