#include "data/import/pack_images.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <optional>

#include "core/base/error.h"
#include "core/io/file.h"
#include "data/import/internal/in_order.h"
#include "data/store/store.h"
#include "tests/data/import/encode_images.h"
#include "tests/support/errors.h"
#include "tests/support/resource_limit.h"
#include "tests/support/temporary_folder.h"

// HDF5 leaks a file that it could not flush, here to a full disk, and LibTorch what it had read of a damaged zip file.
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libhdf5\nleak:mz_zip_reader";
}

namespace fgm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Counts = std::map<std::string, int64_t>;

// Root may read everything, which would prove nothing.
class AsNobody {
 public:
  AsNobody() : user_(::geteuid()) { static_cast<void>(user_ == 0 && ::seteuid(65534) != 0); }
  ~AsNobody() { static_cast<void>(user_ == 0 && ::seteuid(user_) != 0); }
  AsNobody(const AsNobody&) = delete;
  AsNobody& operator=(const AsNobody&) = delete;

 private:
  uid_t user_;
};

// An image in which no two pixels of a square are alike: flat ones hide what a decoder or a resize does.
at::Tensor scene(int64_t height, int64_t width, int64_t seed) {
  const auto y = at::arange(height).view({height, 1}).expand({height, width});
  const auto x = at::arange(width).view({1, width}).expand({height, width});
  const auto blob = ((y - height / 3).pow(2) + (x - (seed * 7) % width).pow(2) < height * width / 16).to(at::kLong);
  return at::stack({y * 2 + blob * 90, x * 2 + seed * 11, (x + y + seed * 5) - blob * 60}, 2)
      .remainder(256)
      .to(at::kByte);
}

class PackImages : public ::testing::Test {
 protected:
  void put(const std::string& name, const std::string& bytes) {
    std::filesystem::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
  }
  static std::string jpeg(int64_t value) { return encode_jpeg(at::full({24, 20, 3}, value, at::kByte)); }

  PackReport pack(CaptionSource captions = CaptionSource::kFolder, int64_t resolution = 8, int64_t num_threads = 1) {
    return pack_images({folder_ / "in", captions, resolution, out_, num_threads});
  }
  void link(const std::string& target, const std::string& name) {
    std::filesystem::create_directories((folder_ / name).parent_path());
    std::filesystem::create_symlink(target, folder_ / name);
  }
  int64_t num_files() const { return std::distance(std::filesystem::directory_iterator(folder_.path()), {}); }

  TemporaryFolder folder_;
  std::filesystem::path out_ = folder_ / "out.h5";
};

TEST_F(PackImages, FoldersBecomeCaptionsInSortedOrder) {
  put("in/t-shirt/b.jpg", jpeg(20));
  put("in/t-shirt/a.JPEG", jpeg(10));
  put("in/outwear/c.png", encode_png(at::full({9, 30, 3}, 30, at::kByte)));
  put("in/outwear/notes.txt", "not an image");
  EXPECT_EQ(pack().written, 3);
  const Store store(out_);
  EXPECT_THAT(store.prompts(), ElementsAre("a photo of an outwear", "a photo of a t-shirt", "a photo of a t-shirt"));
  EXPECT_EQ(store.image_shape(), (std::vector<int64_t>{8, 8, 3}));
  const std::vector<int64_t> all{0, 1, 2};
  EXPECT_TRUE(at::equal(store.images(all).amax({1, 2, 3}), at::tensor({30, 10, 20}, at::kByte)));
  EXPECT_EQ(store.provenance()["resolution"], 8);
}

TEST_F(PackImages, CaptionsComeFromTheTextBesideTheImage) {
  put("in/x/a.jpg", jpeg(1));
  put("in/x/a.txt", "  a blue hat\n");
  put("in/b.png", encode_png(at::zeros({8, 8, 3}, at::kByte)));
  put("in/b.txt", "a hole");
  EXPECT_EQ(pack(CaptionSource::kFile).written, 2);
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

TEST_F(PackImages, SkipsAImageWithoutAUsableCaption) {
  put("in/a.jpg", jpeg(1));
  put("in/b.jpg", jpeg(2));
  put("in/b.txt", " \n");
  put("in/c.jpg", jpeg(3));
  put("in/c.txt", "caf\xE9");
  put("in/d.jpg", jpeg(4));
  put("in/d.txt", "fine");
  const auto report = pack(CaptionSource::kFile);
  ASSERT_EQ(report.skipped.size(), 3U);
  EXPECT_THAT(report.skipped[0], HasSubstr("a.txt: No such file or directory"));
  EXPECT_THAT(report.skipped[1], HasSubstr("b.txt' is empty"));
  EXPECT_THAT(report.skipped[2], HasSubstr("UTF-8"));
}

TEST_F(PackImages, ACaptionIsTheSameTextWhateverWroteIt) {
  const std::vector<std::string> spellings = {"\uFEFFa caf\u00E9\r\n", "a cafe\u0301", "a caf\u00E9\n"};
  for (size_t i = 0; i < spellings.size(); ++i) {
    put(fmt::format("in/{}.jpg", i), jpeg(1));
    put(fmt::format("in/{}.txt", i), spellings[i]);
  }
  EXPECT_EQ(pack(CaptionSource::kFile).written, 3);
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
  const auto report = pack(CaptionSource::kFile);
  EXPECT_EQ(report.written, 1);
  EXPECT_THAT(Store(out_).prompts(), ElementsAre("a\u00A0hat\u200B")) << "said, not changed";
  EXPECT_THAT(report.skipped, ElementsAre(HasSubstr("a.txt:1: byte E9 is not UTF-8"), HasSubstr("b.txt is UTF-16"),
                                          HasSubstr("c.txt:1: holds NUL")));
}

TEST_F(PackImages, NamesThatAreNotUtf8AreOnlyNames) {
  put("in/hat/caf\xE9.jpg", jpeg(1));
  put("in/hat/d\xE9.jpg", "rubbish");
  put("in/caf\xE9/a.jpg", jpeg(1));
  put("in/hat/notes.\xE9", "not an image");
  const auto report = pack();
  EXPECT_EQ(report.written, 1);
  EXPECT_THAT(report.summary(), HasSubstr(".\\xE9: 1"));
  EXPECT_THAT(report.skipped, ElementsAre(HasSubstr("in/caf\\xE9/a.jpg: its folder's name is not UTF-8"),
                                          HasSubstr("hat/d\\xE9.jpg: ")));
}

TEST_F(PackImages, FailsWhenEveryImageIsSkipped) {
  put("in/hat/a.jpg", "rubbish");
  const auto message = message_of<IoError>([&] { pack(); });
  EXPECT_THAT(message, HasSubstr("none of the 1 images"));
  EXPECT_THAT(message, HasSubstr("neither JPEG nor PNG"));
  EXPECT_FALSE(std::filesystem::exists(out_));
}

TEST_F(PackImages, SaysWhichLayoutIsExpected) {
  put("in/a.jpg", jpeg(1));
  EXPECT_THAT(message_of<ConfigError>([&] { pack(); }),
              AllOf(HasSubstr("<class>/*.jpg"), HasSubstr("images beside the class folders: 1")));
  std::filesystem::remove(folder_ / "in/a.jpg");
  EXPECT_THAT(message_of<ConfigError>([&] { pack(CaptionSource::kFile); }), HasSubstr(".txt beside it"));
}

TEST_F(PackImages, NamesTheWrongOption) {
  put("in/hat/a.jpg", jpeg(1));
  EXPECT_THAT(message_of<ConfigError>([&] { pack(CaptionSource::kFolder, 0); }),
              HasSubstr("--resolution = 0 is not in 1 to 4096"));
  EXPECT_THAT(message_of<ConfigError>([&] {
                pack_images({folder_ / "nowhere", CaptionSource::kFolder, 8, out_});
              }),
              HasSubstr("nowhere' is no folder, no tar or zip file"));
}

TEST(CaptionOfFolder, ChoosesTheArticleAndReadsUnderscoresAsBlanks) {
  EXPECT_EQ(caption_of_folder("t-shirt"), "a photo of a t-shirt");
  EXPECT_EQ(caption_of_folder("ice_cream"), "a photo of an ice cream");
}

TEST_F(PackImages, FoldersAndFilesOfToolsAreNoClasses) {
  put("in/hat/a.jpg", jpeg(1));
  for (const std::string name :
       {".ipynb_checkpoints", "__MACOSX", "@eaDir", "#recycle", "lost+found", "$RECYCLE.BIN"}) {
    put("in/" + name + "/b.jpg", jpeg(2));
    put("in/hat/" + name + "/b.jpg", jpeg(2));
  }
  for (const std::string name : {"._a.jpg", "Thumbs.db", ".DS_Store", "desktop.ini"}) put("in/hat/" + name, "x");
  const auto report = pack();
  EXPECT_EQ(report.written, 1);
  EXPECT_EQ(report.left_out, (Counts{{"hidden or tools' files and folders", 16}}));
  put("in/hat/a.txt", "a hat");
  EXPECT_EQ(pack(CaptionSource::kFile).written, 1);
}

TEST_F(PackImages, LinkedFoldersAndFilesAreReadInBothModes) {
  put("elsewhere/b.jpg", jpeg(2));
  put("elsewhere/b.txt", "linked");
  link("../elsewhere", "in/linked");
  put("in/own/a.jpg", jpeg(1));
  put("in/own/a.txt", "own");
  link("../../elsewhere/b.jpg", "in/own/c.jpg");
  link("../../elsewhere/b.txt", "in/own/c.txt");
  EXPECT_EQ(pack(CaptionSource::kFolder).written, 3);
  EXPECT_EQ(pack(CaptionSource::kFile).written, 3);
  EXPECT_THAT(Store(out_).prompts(), ElementsAre("linked", "own", "linked"));
}

TEST_F(PackImages, LinksThatLeadAroundOrNowhereAreCounted) {
  put("in/hat/a.jpg", jpeg(1));
  put("in/hat/a.txt", "a hat");
  link("..", "in/hat/around");
  link("7.jpg", "in/hat/7.jpg");
  link("/nowhere.jpg", "in/hat/8.jpg");
  for (const auto captions : {CaptionSource::kFolder, CaptionSource::kFile}) {
    auto left_out = pack(captions).left_out;
    left_out.erase("texts, which --captions file reads");
    EXPECT_EQ(left_out, (Counts{{"dangling links", 2}, {"link loops", 1}}))
        << "captions of source " << static_cast<int>(captions);
  }
}

TEST_F(PackImages, AFolderThatMayNotBeReadIsNamedAndLeftOut) {
  put("in/hat/a.jpg", jpeg(1));
  put("in/hat/a.txt", "a hat");
  put("in/secret/b.jpg", jpeg(2));
  ::chmod((folder_ / "in/secret").c_str(), 0);
  ::chmod(folder_.path().c_str(), 0777);
  for (const auto captions : {CaptionSource::kFolder, CaptionSource::kFile}) {
    const AsNobody nobody;
    const auto report = pack(captions);
    EXPECT_EQ(report.written, 1);
    EXPECT_THAT(report.skipped, ElementsAre(HasSubstr("in/secret: Permission denied")))
        << "captions of source " << static_cast<int>(captions);
    EXPECT_EQ(report.left_out.at("unreadable"), 1);
  }
  ::chmod((folder_ / "in/secret").c_str(), 0700);
}

TEST_F(PackImages, EveryFileIsAccountedForByKind) {
  put("in/hat/a.jpg", jpeg(1));
  put("in/hat/B.JFIF", jpeg(2));
  put("in/hat/c.webp", jpeg(3));  // a JPEG by its first bytes
  put("in/hat/d.WebP", std::string("RIFF\x24\0\0\0WEBPVP8 ", 16));
  put("in/hat/e.jpg", std::string("RIFF\x24\0\0\0WEBPVP8 ", 16));
  put("in/hat/f.bmp", "BM");
  put("in/hat/g.avif", "x");
  put("in/hat/a.txt", "text");
  put("in/hat/notes", "text");
  put("in/hat/below/h.jpg", jpeg(8));
  put("in/i.png", encode_png(at::zeros({8, 8, 3}, at::kByte)));
  put("in/empty/readme.md", "text");
  ::mkfifo((folder_ / "in/hat/j.jpg").c_str(), 0600);
  const auto report = pack();
  EXPECT_EQ(report.written, 3);
  EXPECT_EQ(report.left_out, (Counts{{"WebP, to be converted to PNG or JPEG", 1},
                                     {"BMP, to be converted to PNG or JPEG", 1},
                                     {".avif, to be converted to PNG or JPEG", 1},
                                     {"cannot be decoded", 1},
                                     {"texts, which --captions file reads", 1},
                                     {"without an ending", 1},
                                     {"images in folders below a class", 1},
                                     {"images beside the class folders", 1},
                                     {"class folders without images", 1},
                                     {".md", 1},
                                     {"devices, pipes and sockets", 1}}));
  EXPECT_THAT(report.skipped, ElementsAre(HasSubstr("e.jpg: WebP by its first bytes")));
  EXPECT_THAT(report.summary(), AllOf(HasSubstr("3 images written, 11 skipped ("), HasSubstr(".md: 1, ")));
}

// kohya's trainers look for .caption unless told otherwise (github.com/bmaltais/kohya_ss, issues 988 and 1370).
TEST_F(PackImages, ReadsACaptionFileWhereThereIsNoText) {
  put("in/a.jpg", jpeg(1));
  put("in/a.caption", "a hat");
  put("in/b.jpg", jpeg(2));
  put("in/b.caption", "not this");
  put("in/b.txt", "a dress");
  const auto report = pack(CaptionSource::kFile);
  EXPECT_EQ(report.left_out, Counts());
  EXPECT_THAT(Store(out_).prompts(), ElementsAre("a hat", "a dress"));
}

TEST_F(PackImages, CountsTextsWithoutAImage) {
  put("in/a.jpg", jpeg(1));
  put("in/a.txt", "a hat");
  put("in/b.txt", "lost");
  EXPECT_EQ(pack(CaptionSource::kFile).left_out, (Counts{{"texts without an image", 1}}));
}

TEST_F(PackImages, CaptionsComeFromAMemberOfTheJsonBesideTheImage) {
  put("in/a.jpg", jpeg(1));
  put("in/a.json", "{\n \"tags\": [1],\n \"caption\": \" a hat \",\n \"de\": \"ein Hut\"\n}\n");
  put("in/b.jpg", jpeg(2));
  put("in/b.json", R"({"caption": 7, "de": "zwei"})");
  auto report = pack(CaptionSource::kJson);
  EXPECT_THAT(Store(out_).prompts(), ElementsAre("a hat"));
  EXPECT_THAT(report.skipped, ElementsAre(HasSubstr("b.json is no JSON object with a text")));
  pack_images({.images = folder_ / "in", .captions = CaptionSource::kJson, .out = out_, .column = "de"});
  EXPECT_THAT(Store(out_).prompts(), ElementsAre("ein Hut", "zwei"));
}

TEST_F(PackImages, CaptionsComeFromMetadataAsHuggingFacesImageFoldersHaveThem) {
  for (const auto* name : {"in/a.jpg", "in/train/b.jpg", "in/train/c d.jpg", "in/e.jpg"}) put(name, jpeg(1));
  put("in/metadata.jsonl",
      "{\"file_name\": \"a.jpg\", \"text\": \"one\"}\n{\"file_name\": \"train/b.jpg\", \"text\": \"two\"}\n");
  put("in/train/metadata.csv", "file_name,text\n./c d.jpg,three\n");
  const auto report = pack(CaptionSource::kMetadata);
  EXPECT_THAT(Store(out_).prompts(), ElementsAre("one", "two", "three"));
  EXPECT_THAT(report.skipped, ElementsAre(HasSubstr("e.jpg: no metadata.jsonl or metadata.csv")));
  EXPECT_EQ(report.left_out, (Counts{{"without a usable caption", 1}}));
  put("in/metadata.jsonl", R"({"file": "a.jpg", "text": "one"})");
  EXPECT_THAT(message_of<ConfigError>([&] { pack(CaptionSource::kMetadata); }),
              HasSubstr("metadata.jsonl: a record has no text \"file_name\""));
}

TEST_F(PackImages, SoManyBadImagesAreSkippedAndOneMoreIsAnError) {
  put("in/hat/a.jpg", jpeg(1));
  put("in/hat/b.jpg", "rubbish");
  put("in/hat/c.jpg", "rubbish");
  PackOptions options{.images = folder_ / "in", .out = out_, .max_bad = 2};
  EXPECT_EQ(pack_images(options).written, 1);
  std::filesystem::remove(out_);
  options.max_bad = 1;
  EXPECT_THAT(message_of<IoError>([&] { pack_images(options); }),
              AllOf(HasSubstr("more than 1 images"), HasSubstr("c.jpg: neither JPEG nor PNG")));
  EXPECT_EQ(num_files(), 1);
}

TEST_F(PackImages, AnImageOfMorePixelsThanAskedForIsSkipped) {
  put("in/hat/a.jpg", jpeg(1));
  put("in/hat/b.png", encode_png(at::zeros({24, 21, 3}, at::kByte)));
  const auto report = pack_images({.images = folder_ / "in", .out = out_, .max_pixels = 24 * 20});
  EXPECT_EQ(report.written, 1);
  EXPECT_THAT(report.skipped, ElementsAre(HasSubstr("b.png: PNG: 21 x 24 pixels are more than 480")));
}

TEST_F(PackImages, SaysWhichImagesWereConvertedOrCouldNotBe) {
  const auto image = scene(16, 16, 1);
  put("in/hat/a.png", encode_png(image, {.icc = display_p3_profile()}));
  put("in/hat/b.png", with_png_chunk(encode_png(image), "iCCP", "broken", ChunkPlace::kBeforePixels));
  put("in/hat/c.png", encode_png(image, {.icc = srgb_profile()}));
  const auto report = pack();
  EXPECT_EQ(report.changed,
            (Counts{{"converted to sRGB", 1}, {"taken as sRGB, as their colour profile cannot be used", 1}}));
  EXPECT_THAT(report.notes, ElementsAre(HasSubstr("b.png: its colour profile cannot be used")));
}

// One in seven is cut off, so that the file is laid out anew.
// The shorter side of each is 96 pixels, so nothing is resized.
TEST_F(PackImages, PhotographsReadBackAsTheCentreOfTheirDecodedPixelsBitForBit) {
  constexpr int64_t kSide = 96;
  const std::filesystem::path photographs = FGM_SOURCE_DIR "/tests/golden/photographs";
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(photographs)) {
    if (entry.path().extension() == ".jpg") paths.push_back(entry.path());
  }
  std::ranges::sort(paths);
  ASSERT_EQ(pack_images({.images = photographs, .resolution = kSide, .out = out_}).written, 20);
  ASSERT_EQ(paths.size(), 20u);
  const Store store(out_);
  for (int64_t i = 0; i < store.size(); ++i) {
    const auto file = read_file(paths[static_cast<size_t>(i)]);
    const auto pixels = decode_image(bytes_of(file)).pixels;
    const int64_t top = (pixels.size(0) - kSide) / 2, left = (pixels.size(1) - kSide) / 2;
    EXPECT_TRUE(at::equal(store.images({&i, 1})[0], pixels.narrow(0, top, kSide).narrow(1, left, kSide)))
        << paths[static_cast<size_t>(i)];
  }
}

TEST_F(PackImages, GivesTheSameStoreOnAnyNumberOfThreads) {
  constexpr int64_t kCount = 200, kStep = 7;
  for (int64_t i = 0; i < kCount; ++i) {
    const auto file = encode_jpeg(scene(20 + i % 9, 24, i));
    put(fmt::format("in/kind {}/{:03}.jpg", i % 3, i), i % kStep == 0 ? file.substr(0, file.size() / 2) : file);
  }
  const auto one = pack(CaptionSource::kFolder, 16, 1);
  ASSERT_EQ(std::ssize(one.skipped), (kCount + kStep - 1) / kStep);
  EXPECT_EQ(one.written, kCount - std::ssize(one.skipped));
  const Store alone(out_);
  alone.verify_images();
  EXPECT_EQ(alone.provenance()["skipped"], one.skipped.size());
  out_ = folder_ / "three.h5";
  EXPECT_EQ(pack(CaptionSource::kFolder, 16, 3).skipped, one.skipped);
  EXPECT_EQ(Store(out_).digest(), alone.digest());
  EXPECT_GT(alone.images(std::vector<int64_t>{0, 1, 2, 3}).to(at::kFloat).std().item<double>(), 20) << "they are flat";
  EXPECT_EQ(num_files(), 3) << "a temporary file was left behind";
}

TEST_F(PackImages, AFullDiskInTheMiddleLeavesNothing) {
  for (int64_t i = 0; i < 40; ++i) put(fmt::format("in/hat/{}.jpg", i), jpeg(i));
  const ResourceLimit full_disk(RLIMIT_FSIZE, 20'000);
  EXPECT_EQ(exit_code_from([&] { pack(CaptionSource::kFolder, 32, 2); }), kExitDoNotRequeue);
  EXPECT_EQ(num_files(), 1) << "a temporary file was left behind";
}

TEST_F(PackImages, StopsWhenAskedAndLeavesNothing) {
  put("in/hat/a.jpg", jpeg(1));
  const auto stopped = [&] { pack_images({folder_ / "in", CaptionSource::kFolder, 8, out_, 1, [] { return true; }}); };
  EXPECT_EQ(exit_code_from(stopped), kExitRequeue);
  EXPECT_EQ(num_files(), 1);
}

TEST_F(PackImages, MakesTheFolderOfTheStoreAndReplacesNoDevice) {
  put("in/hat/a.jpg", jpeg(1));
  out_ = folder_ / "new/folder/out.h5";
  EXPECT_EQ(pack().written, 1);
  EXPECT_EQ(Store(out_).size(), 1);
  out_ = "/dev/null";
  EXPECT_THAT(message_of<IoError>([&] { pack(); }), HasSubstr("/dev/null"));
}

// make(0), make(1), ... make(count - 1)
template <typename Make>
auto works(int64_t count, const Make& make) {
  return [count, make, i = int64_t{0}]() mutable -> std::optional<std::function<int64_t()>> {
    if (i == count) return std::nullopt;
    return [make, i = i++] { return make(i); };
  };
}

TEST(InOrder, TakesResultsInOrderAndHoldsFew) {
  constexpr int64_t kCount = 500, kThreads = 3;
  std::atomic<int64_t> num_held = 0, most = 0;
  int64_t next = 0;
  const auto make = [&](int64_t i) {
    const int64_t held = ++num_held;
    for (int64_t seen = most; seen < held && !most.compare_exchange_weak(seen, held);) {
    }
    return i;
  };
  in_order(kThreads, works(kCount, make), [&](int64_t i) {
    EXPECT_EQ(i, next++);
    --num_held;
  });
  EXPECT_EQ(next, kCount);
  EXPECT_GT(most, 1) << "nothing ran at the same time";
  EXPECT_LE(most, kThreads + 1);
}

TEST(InOrder, AnErrorOfEitherSideComesOut) {
  const auto fails_at_7 = [](int64_t i) {
    if (i == 7) throw IoError("seven");
    return i;
  };
  int64_t num_taken = 0;
  EXPECT_EQ(message_of<IoError>([&] { in_order(2, works(9, fails_at_7), [&](int64_t) { ++num_taken; }); }), "seven");
  EXPECT_EQ(num_taken, 7);
  const auto make = [](int64_t i) { return i; };
  EXPECT_EQ(message_of<IoError>([&] {
              in_order(2, works(9, make), [](int64_t i) {
                if (i == 3) throw IoError("three");
              });
            }),
            "three");
}

}  // namespace
}  // namespace fgm
