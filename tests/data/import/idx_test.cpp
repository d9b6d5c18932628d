#include "data/import/idx.h"

#include <gmock/gmock.h>
#include <zlib.h>

#include <numeric>

#include "core/base/error.h"
#include "core/io/file.h"
#include "data/store/store.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"

namespace fgm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Three images of 2 x 4 whose pixels are 0 to 23, and the labels 1, 0, 1.
const std::string kImageBytes = [] {
  std::string bytes("\0\0\x08\x03\0\0\0\x03\0\0\0\x02\0\0\0\x04", 16);
  for (char pixel = 0; pixel < 24; ++pixel) bytes += pixel;
  return bytes;
}();
const std::string kLabelBytes("\0\0\x08\x01\0\0\0\x03\x01\0\x01", 11);

class Idx : public ::testing::Test {
 protected:
  IdxOptions write(const std::string& images, const std::string& labels) {
    write_file(folder_ / "images", images);
    write_file(folder_ / "labels", labels);
    return {.images = folder_ / "images",
            .labels = folder_ / "labels",
            .captions = {"a bag", "a coat"},
            .out = folder_ / "s.h5"};
  }
  std::string error_of(const std::string& images, const std::string& labels) {
    const auto options = write(images, labels);
    const auto message = message_of<Error>([&] { import_idx(options); });
    EXPECT_FALSE(std::filesystem::exists(options.out)) << message;
    return message;
  }

  const TemporaryFolder folder_;
};

TEST_F(Idx, GreyImagesGetThreeEqualChannelsAndTheirLabelsName) {
  auto options = write(kImageBytes, kLabelBytes);
  options.resolution = 6;
  EXPECT_EQ(import_idx(options), 3);
  const Store store(options.out);
  store.verify_images();
  EXPECT_THAT(store.prompts(), ElementsAre("a coat", "a bag", "a coat"));
  const std::vector<int64_t> all = {0, 1, 2};
  const auto images = store.images(all);
  ASSERT_EQ(images.sizes(), (std::vector<int64_t>{3, 6, 6, 3}));
  const auto inside = images.slice(1, 2, 4).slice(2, 1, 5);
  for (int64_t c = 0; c < 3; ++c) {
    EXPECT_TRUE(at::equal(inside.select(3, c), at::arange(24, at::kByte).view({3, 2, 4})));
  }
  EXPECT_EQ(images.sum().item<int64_t>(), inside.sum().item<int64_t>()) << "black all around";
}

TEST_F(Idx, ImagesOfThreeChannelsStayAsTheyAre) {
  const std::string header("\0\0\x08\x04\0\0\0\x02\0\0\0\x02\0\0\0\x02\0\0\0\x03", 20);
  const std::string labels("\0\0\x08\x01\0\0\0\x02\x01\0", 10);
  EXPECT_EQ(import_idx(write(header + kImageBytes.substr(16), labels)), 2);
  const std::vector<int64_t> all = {0, 1};
  EXPECT_TRUE(at::equal(Store(folder_ / "s.h5").images(all), at::arange(24, at::kByte).view({2, 2, 2, 3})));

  auto two_channels = header;
  two_channels[19] = 2;
  std::filesystem::remove(folder_ / "s.h5");
  EXPECT_THAT(error_of(two_channels + kImageBytes.substr(16), labels), HasSubstr("has images of 2 channels"));
}

TEST_F(Idx, GzippedFilesAreTheSameAndACountTakesTheFirst) {
  auto options = write("", kLabelBytes);
  const auto file = gzopen((folder_ / "images").c_str(), "wb");
  ASSERT_EQ(gzwrite(file, kImageBytes.data(), 40), 40);
  gzclose(file);
  options.count = 2;
  EXPECT_EQ(import_idx(options), 2);
  EXPECT_THAT(Store(options.out).prompts(), ElementsAre("a coat", "a bag"));
  EXPECT_NO_THROW(check_idx(options));

  options.count = 0;
  const auto whole = read_file(folder_ / "images");
  auto damaged = whole;
  damaged[whole.size() - 6] ^= 1;  // in the check-sum
  write_file(folder_ / "images", damaged);
  EXPECT_THAT(message_of<IoError>([&] { import_idx(options); }), HasSubstr("is damaged"));
  EXPECT_EQ(Store(options.out).size(), 2) << "the older store stays";
  write_file(folder_ / "images", whole.substr(0, whole.size() - 1));  // all values, and not all of the check-sum
  EXPECT_THAT(message_of<IoError>([&] { import_idx(options); }), HasSubstr("unexpected end of file"));
}

TEST_F(Idx, ThePhotographsThatShipHaveTheirClassesAndTheirPixels) {
  const std::filesystem::path data = FGM_SOURCE_DIR "/data/photographs";
  const IdxOptions options{.images = data / "test-images-idx4-ubyte.gz",
                           .labels = data / "test-labels-idx1-ubyte.gz",
                           .captions = {"0", "a hat", "2", "3", "4", "5", "6", "7", "8", "9"},
                           .out = folder_ / "s.h5"};
  EXPECT_EQ(import_idx(options), 372);
  const Store store(options.out);
  EXPECT_EQ(store.image_shape(), (std::vector<int64_t>{32, 32, 3}));
  EXPECT_EQ(std::ranges::count(store.prompts(), "a hat"), 12);

  const auto file = gzopen(options.images.c_str(), "rb");
  const auto pixels = at::empty({372, 32, 32, 3}, at::kByte);
  ASSERT_EQ(gzseek(file, 20, SEEK_SET), 20);
  ASSERT_EQ(gzread(file, pixels.mutable_data_ptr(), 372 * 32 * 32 * 3), pixels.numel());
  gzclose(file);
  std::vector<int64_t> all(372);
  std::iota(all.begin(), all.end(), 0);
  EXPECT_TRUE(at::equal(store.images(all), pixels));
}

TEST_F(Idx, SaysWhatIsWrongWithAFile) {
  EXPECT_THAT(error_of("P5 2 4", kLabelBytes),
              HasSubstr("no IDX file of bytes in 3 or 4 dimensions: it begins with 50 35 20 32"));
  EXPECT_THAT(error_of(kLabelBytes, kLabelBytes), HasSubstr("in 3 or 4 dimensions"));
  EXPECT_THAT(error_of(kImageBytes.substr(0, 39), kLabelBytes), HasSubstr("ends before its last value"));
  auto images = kImageBytes;
  images[8] = images[12] = '\x7f';  // the highest bytes of height and width
  EXPECT_THAT(error_of(images, kLabelBytes), HasSubstr("says that its images are of 2130706434 x 2130706436"));
  EXPECT_THAT(error_of(kImageBytes + "x", kLabelBytes), HasSubstr("goes on behind its last value"));
  auto labels = kLabelBytes;
  labels[7] = 2;
  EXPECT_THAT(error_of(kImageBytes, labels), HasSubstr("has 3 images"));
  labels = kLabelBytes;
  labels[9] = 7;
  EXPECT_THAT(error_of(kImageBytes, labels), HasSubstr("image 1 has label 7, and --names has 2 names"));

  auto options = write(kImageBytes, kLabelBytes);
  options.resolution = 5;
  EXPECT_THAT(message_of<ConfigError>([&] { check_idx(options); }), HasSubstr("--resolution 5"));
}

}  // namespace
}  // namespace fgm
