#include <gmock/gmock.h>

#include <fstream>

#include "core/io/file.h"
#include "data/import/pack_images.h"
#include "data/store/store.h"
#include "tests/data/import/encode_images.h"
#include "tests/data/import/write_archive.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"

namespace fgm {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Counts = std::map<std::string, int64_t>;

std::string grey_jpeg(int64_t value) {
  return encode_jpeg(at::full({24, 20, 3}, value, at::kByte));
}

class PackArchives : public ::testing::Test {
 protected:
  PackReport pack(const std::string& images, CaptionSource captions = CaptionSource::kFile, int64_t num_threads = 1) {
    return pack_images({folder_ / images, captions, 8, out_, num_threads});
  }
  // The level of each image of the store, all of whose pixels are alike.
  std::vector<int64_t> levels() const {
    const Store store(out_);
    store.verify_images();
    std::vector<int64_t> all;
    for (int64_t i = 0; i < store.size(); ++i) all.push_back(i);
    const auto largest = store.images(all).amax({1, 2, 3}).to(at::kLong);
    return {largest.const_data_ptr<int64_t>(), largest.const_data_ptr<int64_t>() + largest.numel()};
  }
  int64_t num_files() const { return std::distance(std::filesystem::directory_iterator(folder_.path()), {}); }

  const TemporaryFolder folder_;
  const std::filesystem::path out_ = folder_ / "out.h5";
};

const Members kMembers = {{"b.jpg", grey_jpeg(20)},
                          {"b.txt", " a blue hat\n"},
                          {"b.json", R"({"url": "x", "caption": "a hat"})"},
                          {"x/a.png", encode_png(at::full({9, 30, 3}, 30, at::kByte))},
                          {"x/a.txt", "a cafe\u0301"},
                          {"x/a.json", R"({"caption": "a place"})"}};

TEST_F(PackArchives, MembersOfOneNameAreAnImageAndItsCaptionInTheOrderOfTheArchive) {
  for (const std::string name : {"s.tar", "s.tar.gz", "s.zip"}) {
    write_archive(folder_ / name, kMembers);
    EXPECT_EQ(pack(name).written, 2) << name;
    EXPECT_THAT(levels(), ElementsAre(20, 30)) << name;
    EXPECT_THAT(Store(out_).prompts(), ElementsAre("a blue hat", "a caf\u00E9")) << name;
    EXPECT_EQ(pack(name, CaptionSource::kJson).written, 2) << name;
    EXPECT_THAT(Store(out_).prompts(), ElementsAre("a hat", "a place")) << name;
  }
}

TEST_F(PackArchives, ShardsAreReadInTheOrderOfTheirNames) {
  for (int64_t shard = 0; shard < 3; ++shard) {
    Members members;
    for (int64_t i = 0; i < 7; ++i) {
      members.emplace_back(fmt::format("{}.txt", i), fmt::format("{} {}", shard, i));
      members.emplace_back(fmt::format("{}.jpg", i), grey_jpeg(10 * shard + i));
    }
    write_archive(folder_ / fmt::format("s-{}.tar", shard), members);
  }
  EXPECT_EQ(pack("s-*.tar", CaptionSource::kFile, 3).written, 21);
  const auto values = levels();
  for (size_t i = 0; i < 21; ++i) {
    EXPECT_EQ(values[i], 10 * (i / 7) + i % 7);
    EXPECT_EQ(Store(out_).prompts()[i], fmt::format("{} {}", i / 7, i % 7));
  }
  EXPECT_EQ(num_files(), 4) << "something of the archives is on the disk";
}

TEST_F(PackArchives, AFolderInsideIsAClass) {
  write_archive(folder_ / "s.zip",
                {{"in/hat/1.jpg", grey_jpeg(1)}, {"in/ice_cream/1.jpg", grey_jpeg(2)}, {"3.jpg", grey_jpeg(3)}});
  const auto report = pack("s.zip", CaptionSource::kFolder);
  EXPECT_THAT(Store(out_).prompts(), ElementsAre("a photo of a hat", "a photo of an ice cream"));
  EXPECT_THAT(report.skipped, ElementsAre(HasSubstr("s.zip/3.jpg: it lies in no folder")));
}

TEST_F(PackArchives, EveryMemberIsAccountedForByKind) {
  write_archive(folder_ / "s.tar", {{"a.jpg", grey_jpeg(1)},
                                    {"a.txt", "fine"},
                                    {"a.json", "{}"},
                                    {"b.jpg", grey_jpeg(2)},
                                    {"c.jpg", "rubbish"},
                                    {"c.txt", "a hat"},
                                    {"d.jpg", grey_jpeg(3)},
                                    {"d.txt", "caf\xE9"},
                                    {"e.txt", "lost"},
                                    {"f.webp", "x"},
                                    {"__MACOSX/._a.jpg", "x"}});
  const auto report = pack("s.tar");
  EXPECT_EQ(report.written, 1);
  EXPECT_EQ(report.left_out, (Counts{{"without a usable caption", 2},
                                     {"cannot be decoded", 1},
                                     {"texts without an image", 1},
                                     {".json", 1},
                                     {".webp, to be converted to PNG or JPEG", 1},
                                     {"hidden or tools' files and folders", 1}}));
  EXPECT_THAT(report.skipped, ElementsAre(HasSubstr("s.tar/b.jpg: there is no .txt of its name"),
                                          HasSubstr("s.tar/c.jpg: neither JPEG"),
                                          HasSubstr("s.tar/d.jpg: its caption: d.txt:1: byte E9 is not UTF-8")));
}

TEST_F(PackArchives, ADamagedOneIsNamedWithTheLastMemberThatIsWhole) {
  write_archive(folder_ / "s.tar", kMembers);
  const auto bytes = read_file(folder_ / "s.tar");
  std::ofstream(folder_ / "cut.tar", std::ios::binary) << bytes.substr(0, bytes.find("x/a.png") + 600);
  EXPECT_THAT(message_of<IoError>([&] { pack("cut.tar"); }),
              AllOf(HasSubstr("cut.tar' is damaged behind 'x/a.png'"), HasSubstr("Truncated")));
  std::ofstream(folder_ / "not.tar") << "rubbish";
  EXPECT_THAT(message_of<IoError>([&] { pack("not.tar"); }),
              HasSubstr("not.tar' cannot be opened as a tar or zip file"));
  std::ofstream(folder_ / "empty.tar") << "";
  EXPECT_THAT(message_of<IoError>([&] { pack("empty.tar"); }), HasSubstr("empty.tar"));
  EXPECT_FALSE(std::filesystem::exists(out_));
}

TEST_F(PackArchives, RefusesWhatIsNoneAndCaptionsThatAFolderAloneHas) {
  EXPECT_THAT(message_of<ConfigError>([&] { pack("s-*.tar"); }), HasSubstr("no pattern of such files"));
  write_archive(folder_ / "s.tar", {{"a.txt", "text"}, {"b.webp", "x"}});
  EXPECT_THAT(message_of<ConfigError>([&] { pack("s.tar"); }),
              AllOf(HasSubstr("holds no *.jpg or *.png"), HasSubstr("texts without an image: 1")));
  EXPECT_THAT(message_of<ConfigError>([&] { pack("s.tar", CaptionSource::kMetadata); }), HasSubstr("reads folders"));
}

}  // namespace
}  // namespace fgm
