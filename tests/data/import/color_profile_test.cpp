#include <gtest/gtest.h>

#include <cmath>

#include "core/base/error.h"
#include "data/import/image_decoder.h"
#include "tests/data/import/encode_images.h"

namespace fgm {
namespace {

// Each pair of levels of two channels, a third one beside them.
at::Tensor colours() {
  const auto y = at::arange(0, 256, 17).view({16, 1}).expand({16, 16});
  return at::stack({y, y.t(), 255 - y}, 2).to(at::kByte);
}

at::Tensor linear(const at::Tensor& srgb) {
  return at::where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055).pow(2.4));
}
at::Tensor encoded(const at::Tensor& linear) {
  return at::where(linear <= 0.0031308, linear * 12.92, 1.055 * linear.clamp_min(0).pow(1 / 2.4) - 0.055);
}

// https://www.w3.org/TR/css-color-4/#color-conversion-code, lin_P3 to XYZ to lin_sRGB
at::Tensor from_display_p3(const at::Tensor& image) {
  const auto matrix =
      at::tensor({1.2249402, -0.2249402, 0.0, -0.0420570, 1.0420570, 0.0, -0.0196376, -0.0786360, 1.0982736},
                 at::kDouble)
          .view({3, 3});
  const auto srgb = encoded(linear(image.to(at::kDouble) / 255).matmul(matrix.t()).clamp(0, 1));
  return (srgb * 255).round();
}

DecodedImage decode(const std::string& file) {
  return decode_image(bytes_of(file));
}

// lcms2 computes with 8 bits to 14: a level of rounding, which the steep curve near black makes two.
constexpr double kRounding = 2.0;

TEST(ColourProfile, ColoursOfDisplayP3BecomeThoseOfSrgb) {
  const auto expected = from_display_p3(colours());
  ASSERT_GT(largest_difference(expected, colours()), 20) << "the two spaces do not differ enough to prove anything";
  const auto png = decode(encode_png(colours(), {.icc = display_p3_profile()}));
  EXPECT_TRUE(png.is_converted);
  EXPECT_LE(largest_difference(png.pixels, expected), kRounding);

  ASSERT_GT(display_p3_profile().size(), 200U) << "the profile needs one segment only";
  const auto plain = decode(encode_jpeg(colours(), {.is_chroma_halved = false})).pixels;
  const auto jpeg = decode(encode_jpeg(colours(), {.is_chroma_halved = false, .icc = display_p3_profile()}));
  EXPECT_TRUE(jpeg.is_converted);
  EXPECT_LE(largest_difference(jpeg.pixels, from_display_p3(plain)), kRounding);
}

TEST(ColourProfile, AnSrgbProfileChangesNoBit) {
  const auto png = decode(encode_png(colours(), {.icc = srgb_profile()}));
  EXPECT_TRUE(at::equal(png.pixels, colours()));
  const auto jpeg = decode(encode_jpeg(colours(), {.icc = srgb_profile()}));
  EXPECT_TRUE(at::equal(jpeg.pixels, decode(encode_jpeg(colours())).pixels));
  for (const auto& image : {png, jpeg}) EXPECT_FALSE(image.is_converted || image.is_profile_unusable);
}

// The middle of linear light is 188 in sRGB.
TEST(ColourProfile, GreysAreConvertedByAProfileOfGreys) {
  const auto grey = at::full({8, 8, 1}, 128, at::kByte);
  for (const auto& file :
       {encode_png(grey, {.icc = grey_profile(1.0)}), encode_jpeg(grey, {.icc = grey_profile(1.0)})}) {
    const auto image = decode(file);
    EXPECT_TRUE(image.is_converted);
    EXPECT_LE(largest_difference(image.pixels, at::full({8, 8, 3}, 188)), 1);
  }
}

// L* = 50.2 is the luminance 0.1858, and that the level 119 of sRGB. The colours that the other inks would have made
// have no part in it.
TEST(ColourProfile, CmykIsWhatItsProfileSaysOfTheInks) {
  const auto cmyk = at::tensor({0, 255, 90, 128}, at::kByte).view({1, 1, 4}).expand({16, 16, 4});
  const auto image = decode(encode_jpeg(cmyk, {.icc = black_ink_profile()}));
  EXPECT_TRUE(image.is_converted);
  EXPECT_FALSE(image.is_profile_unusable);
  EXPECT_LE(largest_difference(image.pixels, at::full({16, 16, 3}, 119)), 2);
  const auto other = decode(encode_jpeg(cmyk, {.icc = display_p3_profile()}));
  EXPECT_TRUE(other.is_profile_unusable);
  EXPECT_TRUE(at::equal(other.pixels, decode(encode_jpeg(cmyk)).pixels));
}

TEST(ColourProfile, OneThatCannotBeUsedIsSaidAndLeavesThePixels) {
  const auto grey = colours().slice(2, 0, 1);
  const auto cut = display_p3_profile().substr(0, 150);
  const std::vector<std::pair<std::string, std::string>> files = {
      {encode_jpeg(colours(), {.icc = cut}), encode_jpeg(colours())},
      {encode_jpeg(colours(), {.icc = lab_profile()}), encode_jpeg(colours())},
      {encode_jpeg(grey, {.icc = display_p3_profile()}), encode_jpeg(grey)},
      {with_png_chunk(encode_png(colours()), "iCCP", "broken", ChunkPlace::kBeforePixels), encode_png(colours())}};
  for (const auto& [file, without_profile] : files) {
    const auto image = decode(file);
    EXPECT_TRUE(image.is_profile_unusable);
    EXPECT_TRUE(at::equal(image.pixels, decode(without_profile).pixels));
  }
}

TEST(ColourProfile, OfAPngGoesBeforeItsGamma) {
  const auto without_gamma = decode(encode_png(colours(), {.icc = display_p3_profile()}));
  const auto with_gamma = decode(encode_png(colours(), {.icc = display_p3_profile(), .gamma = 1.0}));
  EXPECT_TRUE(at::equal(with_gamma.pixels, without_gamma.pixels));
  EXPECT_FALSE(at::equal(decode(encode_png(colours(), {.gamma = 1.0})).pixels, colours())) << "gAMA alone does nothing";
}

TEST(ColourProfile, NoDamagedByteOfItEndsTheProgram) {
  const auto small = colours().slice(0, 0, 2);
  int64_t num_unusable = 0;
  for (size_t i = 0; i < display_p3_profile().size(); i += 3) {
    auto damaged = display_p3_profile();
    damaged[i] = static_cast<char>(damaged[i] ^ 0x55);
    num_unusable += decode(encode_jpeg(small, {.icc = damaged})).is_profile_unusable;
  }
  EXPECT_GT(num_unusable, 0) << "no byte mattered";
}

}  // namespace
}  // namespace fgm
