// Stores as a stranger might write them: one thing wrong in each.
#include <gmock/gmock.h>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "data/hdf5/h5_file.h"
#include "data/store/store.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"

namespace fgm {
namespace {

using ::testing::HasSubstr;

struct Layout {
  int64_t format = 1;
  std::string kind = "images";
  std::string provenance = "{}";
  std::string prompt = "hat";
  std::vector<uint64_t> offsets{0, 0};
  std::vector<uint64_t> lengths{3, 3};
  std::vector<int64_t> image_shape{2, 2, 2, 3};
};

void write_layout(const std::filesystem::path& path, const Layout& layout) {
  auto file = H5File::create(path);
  file.write_attribute("fgm_format", layout.format);
  file.write_attribute("kind", layout.kind);
  file.write_attribute("provenance", layout.provenance);
  const auto blob_bytes = static_cast<int64_t>(layout.prompt.size());
  file.write_bytes("prompts/blob", std::as_bytes(std::span(layout.prompt)), {&blob_bytes, 1});
  file.write_uint64("prompts/offset", layout.offsets);
  file.write_uint64("prompts/length", layout.lengths);
  file.write_uint64("prompts/xxh64", std::vector<uint64_t>(2, xxh64(layout.prompt)));
  const std::vector<std::byte> pixels(24);
  file.write_bytes("images", pixels, layout.image_shape);
  Digest digest;
  digest.update(pixels);
  file.write_attribute("images_xxh128", digest.hex());
  file.close();
}

std::string error_of(const Layout& layout) {
  const TemporaryFolder folder;
  write_layout(folder / "a.h5", layout);
  return message_of<IoError>([&] { Store(folder / "a.h5"); });
}

TEST(StoreLayout, AcceptsTheLayoutThatTheseTestsDamage) {
  const TemporaryFolder folder;
  write_layout(folder / "a.h5", {});
  const Store store(folder / "a.h5");
  EXPECT_EQ(store.prompts(), (std::vector<std::string>{"hat", "hat"}));
  EXPECT_NO_THROW(store.verify_images());
}

TEST(StoreLayout, RejectsANewerFormat) {
  EXPECT_THAT(error_of({.format = 3}), HasSubstr("reads 1 to 2"));
}

TEST(StoreLayout, RejectsAnUnknownKind) {
  EXPECT_THAT(error_of({.kind = "videos"}), HasSubstr("kind 'videos', expected one of captions, images, samples"));
}

TEST(StoreLayout, RejectsProvenanceThatIsNoJson) {
  EXPECT_THAT(error_of({.provenance = "by hand"}), HasSubstr("provenance"));
}

TEST(StoreLayout, RejectsAPromptThatIsNotUtf8) {
  EXPECT_THAT(error_of({.prompt = "h\xFFt"}), HasSubstr("prompt 0 is not UTF-8"));
}

TEST(StoreLayout, RejectsPromptsOutsideTheBlob) {
  EXPECT_THAT(error_of({.lengths = {3, 4}}), HasSubstr("prompt 1 lies outside"));
  EXPECT_THAT(error_of({.offsets = {0, ~uint64_t{0}}}), HasSubstr("prompt 1 lies outside"));
}

TEST(StoreLayout, RejectsTablesAndImagesOfOtherSizes) {
  EXPECT_THAT(error_of({.lengths = {3}}), HasSubstr("2 offsets, 1 lengths, 2 hashes"));
  EXPECT_THAT(error_of({.image_shape = {4, 2, 1, 3}}), HasSubstr("[2, H, W, C]"));
  EXPECT_THAT(error_of({.image_shape = {2, 12}}), HasSubstr("found [2, 12]"));
}

TEST(StoreLayout, RejectsAnHdf5FileThatIsNoStore) {
  const TemporaryFolder folder;
  H5File::create(folder / "a.h5").close();
  EXPECT_THAT(message_of<IoError>([&] { Store(folder / "a.h5"); }), HasSubstr("no fgm store"));
}

TEST(StoreLayout, NamesAMissingDatasetAndOneOfAnotherType) {
  const TemporaryFolder folder;
  auto file = H5File::create(folder / "a.h5");
  file.write_uint64("prompts/blob", std::vector<uint64_t>{1, 2});
  EXPECT_THAT(message_of<IoError>([&] { file.extent("images", H5Element::kUint8); }), HasSubstr("dataset images"));
  EXPECT_THAT(message_of<IoError>([&] { file.extent("prompts/blob", H5Element::kUint8); }),
              HasSubstr("expected elements of type uint8"));
}

}  // namespace
}  // namespace fgm
