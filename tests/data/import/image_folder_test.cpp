#include "data/import/image_folder.h"

#include <gmock/gmock.h>

#include <fstream>

#include "core/base/error.h"
#include "data/store/store.h"
#include "tests/data/import/encode_pictures.h"
#include "tests/data/support/errors.h"
#include "tests/data/support/temporary_folder.h"

namespace fgm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class PackImages : public ::testing::Test {
 protected:
  void put(const std::string& name, const std::string& bytes) {
    std::filesystem::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
  }
  static std::string jpeg(int64_t value) { return encode_jpeg(at::full({24, 20, 3}, value, at::kByte)); }

  PackReport pack(const std::string& captions = "folder", int64_t resolution = 8) {
    return pack_images({folder_ / "in", captions, resolution, out_});
  }

  TemporaryFolder folder_;
  std::filesystem::path out_ = folder_ / "out.h5";
};

TEST_F(PackImages, FoldersBecomeCaptionsInSortedOrder) {
  put("in/t-shirt/b.jpg", jpeg(20));
  put("in/t-shirt/a.JPEG", jpeg(10));
  put("in/outwear/c.png", encode_png(at::full({9, 30, 3}, 30, at::kByte)));
  put("in/outwear/notes.txt", "not a picture");
  EXPECT_EQ(pack().written, 3);
  const Store store(out_);
  EXPECT_THAT(store.prompts(), ElementsAre("a photo of an outwear", "a photo of a t-shirt", "a photo of a t-shirt"));
  EXPECT_EQ(store.image_shape(), (std::vector<int64_t>{8, 8, 3}));
  const std::vector<int64_t> all{0, 1, 2};
  EXPECT_TRUE(at::equal(store.images(all).amax({1, 2, 3}), at::tensor({30, 10, 20}, at::kByte)));
  EXPECT_EQ(store.provenance()["resolution"], 8);
}

TEST_F(PackImages, CaptionsComeFromTheTextBesideThePicture) {
  put("in/x/a.jpg", jpeg(1));
  put("in/x/a.txt", "  a blue hat\n");
  put("in/b.png", encode_png(at::zeros({8, 8, 3}, at::kByte)));
  put("in/b.txt", "a hole");
  EXPECT_EQ(pack("file").written, 2);
  EXPECT_THAT(Store(out_).prompts(), ElementsAre("a hole", "a blue hat"));
}

TEST_F(PackImages, SkipsAndNamesWhatItCannotUse) {
  put("in/hat/a.jpg", jpeg(1).substr(0, 200));
  put("in/hat/b.jpg", jpeg(2));
  put("in/hat/c.jpg", "");
  const auto report = pack();
  EXPECT_EQ(report.written, 1);
  ASSERT_EQ(report.skipped.size(), 2U);
  EXPECT_THAT(report.skipped[0], HasSubstr("a.jpg: JPEG: "));
  EXPECT_THAT(report.skipped[1], HasSubstr("c.jpg: the file is empty"));
  EXPECT_EQ(Store(out_).provenance()["skipped"], 2);
}

TEST_F(PackImages, SkipsAPictureWithoutAUsableCaption) {
  put("in/a.jpg", jpeg(1));
  put("in/b.jpg", jpeg(2));
  put("in/b.txt", " \n");
  put("in/c.jpg", jpeg(3));
  put("in/c.txt", "caf\xE9");
  put("in/d.jpg", jpeg(4));
  put("in/d.txt", "fine");
  const auto report = pack("file");
  ASSERT_EQ(report.skipped.size(), 3U);
  EXPECT_THAT(report.skipped[0], HasSubstr("a.txt' cannot be read"));
  EXPECT_THAT(report.skipped[1], HasSubstr("b.txt' is empty"));
  EXPECT_THAT(report.skipped[2], HasSubstr("UTF-8"));
}

TEST_F(PackImages, ACaptionIsTheSameTextWhateverWroteIt) {
  const std::vector<std::string> spellings = {"\uFEFFa caf\u00E9\r\n", "a cafe\u0301", "a caf\u00E9\n"};
  for (size_t i = 0; i < spellings.size(); ++i) {
    put(fmt::format("in/{}.jpg", i), jpeg(1));
    put(fmt::format("in/{}.txt", i), spellings[i]);
  }
  EXPECT_EQ(pack("file").written, 3);
  EXPECT_THAT(Store(out_).prompts(), testing::Each("a caf\u00E9"));
}

TEST_F(PackImages, AFoldersNameOnAMacIsTheSameCaption) {
  put("in/cafe\u0301/a.jpg", jpeg(1));
  pack();
  EXPECT_THAT(Store(out_).prompts(), ElementsAre("a photo of a caf\u00E9"));
}

TEST_F(PackImages, ACaptionInAnotherEncodingIsNamed) {
  for (const auto* name : {"a", "b", "c", "d"}) put(fmt::format("in/{}.jpg", name), jpeg(1));
  put("in/a.txt", "a caf\xE9");
  put("in/b.txt", std::string("\xFF\xFE"
                              "a\0",
                              4));
  put("in/c.txt", std::string("a \0hat", 6));
  put("in/d.txt", "a\u00A0hat\u200B");
  const auto report = pack("file");
  EXPECT_EQ(report.written, 1);
  EXPECT_THAT(Store(out_).prompts(), ElementsAre("a\u00A0hat\u200B")) << "said, not changed";
  EXPECT_THAT(report.skipped, ElementsAre(HasSubstr("a.txt:1: byte E9 is not UTF-8"), HasSubstr("b.txt is UTF-16"),
                                          HasSubstr("c.txt:1: holds NUL")));
}

TEST_F(PackImages, NamesThatAreNotUtf8AreOnlyNames) {
  put("in/hat/caf\xE9.jpg", jpeg(1));
  put("in/hat/d\xE9.jpg", "rubbish");
  put("in/caf\xE9/a.jpg", jpeg(1));
  const auto report = pack();
  EXPECT_EQ(report.written, 1);
  EXPECT_THAT(report.skipped, ElementsAre(HasSubstr("in/caf\\xE9/a.jpg: its folder's name is not UTF-8"),
                                          HasSubstr("hat/d\\xE9.jpg: ")));
}

TEST_F(PackImages, FailsWhenEveryPictureIsSkipped) {
  put("in/hat/a.jpg", "rubbish");
  const auto message = message_of<IoError>([&] { pack(); });
  EXPECT_THAT(message, HasSubstr("none of the 1 pictures"));
  EXPECT_THAT(message, HasSubstr("neither JPEG nor PNG"));
  EXPECT_FALSE(std::filesystem::exists(out_));
}

TEST_F(PackImages, SaysWhichLayoutIsExpected) {
  put("in/a.jpg", jpeg(1));
  EXPECT_THAT(message_of<ConfigError>([&] { pack(); }), HasSubstr("<class>/*.jpg"));
  std::filesystem::remove(folder_ / "in/a.jpg");
  EXPECT_THAT(message_of<ConfigError>([&] { pack("file"); }), HasSubstr(".txt beside it"));
}

TEST_F(PackImages, NamesTheWrongOption) {
  put("in/hat/a.jpg", jpeg(1));
  EXPECT_THAT(message_of<ConfigError>([&] { pack("names"); }), HasSubstr("--captions 'names'"));
  EXPECT_THAT(message_of<ConfigError>([&] { pack("folder", 0); }), HasSubstr("--resolution 0"));
  out_ = folder_ / "missing/out.h5";
  EXPECT_THAT(message_of<ConfigError>([&] { pack(); }), HasSubstr("--out"));
  EXPECT_THAT(message_of<ConfigError>([&] {
                pack_images({folder_ / "nowhere", "folder", 8, out_});
              }),
              HasSubstr("nowhere' is not a folder"));
}

TEST(CaptionOfFolder, ChoosesTheArticleAndReadsUnderscoresAsBlanks) {
  EXPECT_EQ(caption_of_folder("t-shirt"), "a photo of a t-shirt");
  EXPECT_EQ(caption_of_folder("ice_cream"), "a photo of an ice cream");
}

// Real photographs, of which one in fifty was made unreadable.
TEST_F(PackImages, PacksRealPhotographs) {
  const auto photos = std::filesystem::path(FGM_SOURCE_DIR) / "../shared/data/clothing/test";
  ASSERT_TRUE(std::filesystem::is_directory(photos)) << "this test needs the clothing photographs in " << photos;
  int64_t num_files = 0, num_broken = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(photos)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    std::string bytes(std::istreambuf_iterator<char>(file), {});
    if (++num_files % 50 == 0) {
      bytes.resize(bytes.size() / 2);
      ++num_broken;
    }
    put("in" / std::filesystem::relative(entry.path(), photos), bytes);
  }
  ASSERT_GT(num_broken, 0) << "too few photographs to break one";
  const auto report = pack("folder", 32);
  EXPECT_EQ(report.written, num_files - num_broken);
  EXPECT_EQ(static_cast<int64_t>(report.skipped.size()), num_broken);
  const Store store(out_);
  EXPECT_THAT(store.prompts(), ::testing::Contains("a photo of a t-shirt"));
  const std::vector<int64_t> few{0, 1, 2, 3, 4, 5, 6, 7};
  EXPECT_GT(store.images(few).to(at::kFloat).std().item<double>(), 20) << "the pictures are flat";
}

}  // namespace
}  // namespace fgm
