#include "data/import/image_decoder.h"

#include <gmock/gmock.h>

#include "core/base/error.h"
#include "tests/data/import/encode_images.h"
#include "tests/support/errors.h"

namespace fgm {
namespace {

using ::testing::HasSubstr;

// A smooth image of its own colours in each corner, which JPEG keeps closely.
at::Tensor gradient(int64_t height, int64_t width) {
  const auto y = at::linspace(0, 255, height).view({height, 1}).expand({height, width});
  const auto x = at::linspace(0, 255, width).view({1, width}).expand({height, width});
  return at::stack({y, x, 255 - y}, 2).round().to(at::kByte);
}

at::Tensor pixels_of(const std::string& file) {
  return decode_image(bytes_of(file)).pixels;
}
std::string error_of(const std::string& file) {
  return message_of<IoError>([&] { pixels_of(file); });
}

TEST(DecodeJpeg, GivesBackColoursWithinCompressionLoss) {
  const auto image = gradient(40, 24);
  for (const bool is_progressive : {false, true}) {
    for (const bool is_chroma_halved : {false, true}) {
      const auto decoded = pixels_of(encode_jpeg(image, {is_progressive, is_chroma_halved}));
      ASSERT_EQ(decoded.sizes(), image.sizes());
      // Quality 95 on a gradient: a few levels, chroma at half resolution a few more.
      EXPECT_LE(largest_difference(decoded, image), is_chroma_halved ? 24 : 8);
    }
  }
}

TEST(DecodeJpeg, TurnsGreyIntoThreeEqualChannels) {
  const auto grey = gradient(16, 16).slice(2, 0, 1);
  const auto decoded = pixels_of(encode_jpeg(grey));
  EXPECT_LE(largest_difference(decoded, grey.expand({16, 16, 3})), 6);
}

// Orientation o means: the upright image, transformed by o, was stored. Expected values are written as what
// the upright image's top-left, top-right, bottom-left and bottom-right corners show, by the corners of the
// stored one.
void expect_upright(const at::Tensor& upright, const at::Tensor& stored, int orientation) {
  constexpr std::array<std::array<int64_t, 4>, 8> kCorners = {
      {{0, 1, 2, 3}, {1, 0, 3, 2}, {3, 2, 1, 0}, {2, 3, 0, 1}, {0, 2, 1, 3}, {2, 0, 3, 1}, {3, 1, 2, 0}, {1, 3, 0, 2}}};
  const auto corners = [](const at::Tensor& image) {
    return at::stack({image[0][0], image[0][-1], image[-1][0], image[-1][-1]});
  };
  EXPECT_EQ(upright.size(0), stored.size(orientation >= 5 ? 1 : 0));
  const auto order = at::tensor(at::IntArrayRef(kCorners[static_cast<size_t>(orientation - 1)]));
  EXPECT_LE(largest_difference(corners(upright), corners(stored).index_select(0, order)), 40)
      << "orientation " << orientation;
}

TEST(DecodeJpeg, HonoursEveryExifOrientation) {
  const auto stored = gradient(32, 16);
  for (int orientation = 1; orientation <= 8; ++orientation) {
    for (const bool is_big_endian : {false, true}) {
      const auto file = encode_jpeg(stored, {.app1 = exif_block(orientation, is_big_endian)});
      expect_upright(pixels_of(file), stored, orientation);
    }
  }
}

// eXIf has no "Exif\0\0" before the TIFF block; files with it are about all the same.
TEST(DecodePng, HonoursEveryExifOrientationBeforeAndBehindThePixels) {
  const auto stored = gradient(32, 16);
  for (int orientation = 1; orientation <= 8; ++orientation) {
    for (const auto place : {ChunkPlace::kBeforePixels, ChunkPlace::kBehindPixels}) {
      for (const size_t cut : {size_t{6}, size_t{0}}) {
        const auto exif = exif_block(orientation, place == ChunkPlace::kBeforePixels).substr(cut);
        expect_upright(pixels_of(with_png_chunk(encode_png(stored), "eXIf", exif, place)), stored, orientation);
      }
    }
  }
}

TEST(DecodeJpeg, IgnoresADamagedExifBlock) {
  for (size_t length = 0; length < 32; ++length) {
    const auto file = encode_jpeg(gradient(16, 8), {.app1 = exif_block(6, true).substr(0, length)});
    EXPECT_NO_THROW(pixels_of(file)) << length;
  }
}

TEST(DecodeJpeg, RejectsEveryTruncation) {
  const auto file = encode_jpeg(gradient(32, 32));
  for (size_t length = 0; length < file.size(); ++length) {
    EXPECT_THROW(pixels_of(file.substr(0, length)), IoError) << length << " of " << file.size();
  }
}

TEST(DecodeJpeg, SurvivesEveryDamagedByte) {
  const auto file = encode_jpeg(gradient(24, 24), {.app1 = exif_block(6, true)});
  int64_t num_rejected = 0;
  for (size_t i = 0; i < file.size(); ++i) {
    auto damaged = file;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x55);
    try {
      pixels_of(damaged);
    } catch (const IoError&) {
      ++num_rejected;
    }
  }
  EXPECT_GT(num_rejected, 0) << "no byte mattered";
}

// What the file has is the light that each ink leaves.
TEST(DecodeJpeg, InksOfCmykTakeTheirShareOfTheLight) {
  const auto image = at::tensor({255, 128, 0, 255}, at::kByte).view({1, 1, 4}).expand({16, 16, 4});
  const auto half_black = at::tensor({255, 128, 0, 128}, at::kByte).view({1, 1, 4}).expand({16, 16, 4});
  for (const bool is_ycck : {false, true}) {
    constexpr double kOfTheQuantisation = 2;
    const auto expect = [&](const at::Tensor& cmyk, std::vector<int64_t> rgb) {
      const auto decoded = decode_image(bytes_of(encode_jpeg(cmyk, {.is_ycck = is_ycck})));
      EXPECT_TRUE(decoded.is_converted);
      EXPECT_LE(largest_difference(decoded.pixels, at::tensor(rgb).expand({16, 16, 3})), kOfTheQuantisation);
    };
    expect(image, {255, 128, 0});
    expect(half_black, {128, 64, 0});
  }
}

TEST(DecodeJpeg, ACmykImageIsTurnedUprightToo) {
  const auto image = at::full({8, 20, 4}, 255, at::kByte);
  EXPECT_EQ(pixels_of(encode_jpeg(image, {.app1 = exif_block(6, false)})).sizes(), (std::vector<int64_t>{20, 8, 3}));
}

TEST(DecodePng, GivesBackEveryByteAtBothDepths) {
  const auto image = gradient(20, 30);
  EXPECT_TRUE(at::equal(pixels_of(encode_png(image)), image));
  EXPECT_TRUE(at::equal(pixels_of(encode_png(image, {.depth = 16})), image));
  const auto grey = image.slice(2, 0, 1);
  EXPECT_TRUE(at::equal(pixels_of(encode_png(grey)), grey.expand({20, 30, 3})));
}

TEST(DecodePng, LooksColoursUpInThePalette) {
  const auto palette = at::tensor({10, 20, 30, 200, 100, 0}, at::kByte).view({2, 3});
  const auto indices = at::tensor({0, 1, 1, 0, 0, 1}, at::kByte).view({2, 3});
  const auto expected = palette.index_select(0, indices.view(-1).to(at::kLong)).view({2, 3, 3});
  EXPECT_TRUE(at::equal(pixels_of(encode_palette_png(indices, palette)), expected));
}

TEST(DecodePng, LaysTransparencyOverWhite) {
  const auto image = at::tensor({200, 0, 0, 255, 200, 0, 0, 0}, at::kByte).view({1, 2, 4});
  EXPECT_TRUE(
      at::equal(pixels_of(encode_png(image)), at::tensor({200, 0, 0, 255, 255, 255}, at::kByte).view({1, 2, 3})));
}

TEST(DecodePng, RejectsTruncatedAndDamagedPixels) {
  const auto file = encode_png(gradient(32, 32));
  EXPECT_THROW(pixels_of(file.substr(0, file.size() / 2)), IoError);
  auto damaged = file;
  damaged[file.size() / 2] ^= 0x55;
  EXPECT_THROW(pixels_of(damaged), IoError);
}

TEST(DecodePng, RejectsABombBeforeAllocatingIt) {
  auto file = encode_png(at::zeros({1, 1, 3}, at::kByte));
  // Width and height 100000; the check-sum of the changed header is that of zlib's crc32.
  file.replace(16, 8, std::string("\0\x01\x86\xA0\0\x01\x86\xA0", 8));
  file.replace(29, 4, std::string("\x27\x30\x9C\x9F", 4));
  EXPECT_THAT(error_of(file), HasSubstr("100000 x 100000 pixels"));
}

TEST(DecodePng, AnInterlacedFileHasTheSamePixels) {
  const auto image = gradient(20, 30);
  const auto file = encode_png(image, {.is_interlaced = true});
  ASSERT_NE(file.size(), encode_png(image).size()) << "it is not interlaced";
  EXPECT_TRUE(at::equal(pixels_of(file), image));
}

// Workflows and settings of image generators (github.com/python-pillow/Pillow, issues 2445, 5610 and 8363).
TEST(DecodePng, TextsOfAnySizeAreNoneOfItsBusiness) {
  const auto image = gradient(20, 30);
  std::string text(9'000'000, 'x');
  text[8] = '\0';  // behind the keyword
  for (const auto place : {ChunkPlace::kBeforePixels, ChunkPlace::kBehindPixels}) {
    const auto file = with_png_chunk(encode_png(image), "tEXt", text, place);
    EXPECT_TRUE(at::equal(pixels_of(file), image));
    EXPECT_EQ(num_pixels(bytes_of(file)), 600);
  }
}

TEST(DecodePng, LaysTheTransparentColourOfAPaletteOverWhite) {
  const auto palette = at::tensor({10, 20, 30, 200, 100, 0}, at::kByte).view({2, 3});
  const auto indices = at::tensor({0, 1}, at::kByte).view({1, 2});
  const auto file =
      with_png_chunk(encode_palette_png(indices, palette), "tRNS", std::string(1, '\0'), ChunkPlace::kBeforePixels);
  EXPECT_FALSE(at::equal(pixels_of(encode_palette_png(indices, palette))[0][0], at::full({3}, 255, at::kByte)));
  EXPECT_TRUE(at::equal(pixels_of(file)[0][0], at::full({3}, 255, at::kByte)));
}

TEST(DecodePng, TakesTheFirstImageOfAnAnimationAndSaysSo) {
  const auto file =
      with_png_chunk(encode_png(gradient(8, 8)), "acTL", std::string("\0\0\0\1\0\0\0\0", 8), ChunkPlace::kBeforePixels);
  EXPECT_TRUE(decode_image(bytes_of(file)).is_animated);
  EXPECT_FALSE(decode_image(bytes_of(encode_png(gradient(8, 8)))).is_animated);
}

TEST(DecodeImage, SaysWhichFormatAFileIsOf) {
  EXPECT_EQ(error_of("GIF89a"), "GIF by its first bytes; convert it to PNG or JPEG");
  EXPECT_EQ(error_of(std::string("RIFF\x24\0\0\0WEBPVP8 ", 16)), "WebP by its first bytes; convert it to PNG or JPEG");
  EXPECT_EQ(error_of("rubbish"), "neither JPEG nor PNG");
  EXPECT_EQ(error_of(""), "the file is empty");
}

TEST(NumPixels, AreThoseOfTheHeader) {
  EXPECT_EQ(num_pixels(bytes_of(encode_png(gradient(20, 30)))), 600);
  EXPECT_EQ(num_pixels(bytes_of(encode_jpeg(gradient(20, 30)))), 600);
}

TEST(NumPixels, MoreThanAskedForAreRefusedByBothDecoders) {
  for (const auto& file : {encode_png(gradient(20, 30)), encode_jpeg(gradient(20, 30))}) {
    EXPECT_EQ(decode_image(bytes_of(file), 600).pixels.numel(), 1800);
    EXPECT_THAT(message_of<IoError>([&] { decode_image(bytes_of(file), 599); }),
                HasSubstr("30 x 20 pixels are more than 599"));
  }
}

}  // namespace
}  // namespace fgm
