#include "data/store/merge_stores.h"

#include <gmock/gmock.h>

#include "core/base/caption_noise.h"
#include "core/base/error.h"
#include "core/base/hash.h"
#include "data/hdf5/h5_file.h"
#include "data/store/store_writer.h"
#include "tests/data/store/embedding_fixture.h"
#include "tests/data/store/latent_fixture.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"

namespace fgm {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

const nlohmann::json kMerged = {{"merged", "by a test"}};

// Images of 4 x 4 pixels, of which record i's are all first + i.
StoreContents images_from(int64_t first, const std::vector<std::string>& prompts) {
  StoreContents contents{.kind = "images", .provenance = {{"tool", "a"}, {"first", first}}, .prompts = prompts};
  contents.images_NHWC = at::empty({std::ssize(prompts), 4, 4, 3}, at::kByte);
  for (int64_t i = 0; i < std::ssize(prompts); ++i) contents.images_NHWC[i].fill_(first + i);
  return contents;
}

int64_t value_of_image(const Store& store, int64_t record) {
  return store.images({&record, 1}).max().item<int64_t>();
}

// Damages an image of images_from(), whose pixels are all `value`.
void damage_image(const std::filesystem::path& path, int64_t value) {
  change_byte(path, bytes_of_file(path).find(std::string(48, static_cast<char>(value))));
}

MergedStore repair(const std::filesystem::path& path, const std::filesystem::path& out) {
  return repair_store(path, verify_store(path, 2), out);
}

// Pairs whose sample i is all first + i, of noise seed 7.
void write_pairs(const std::filesystem::path& path, int64_t first, const std::vector<std::string>& prompts) {
  const StoreContents header{.kind = "pairs", .provenance = {{"steps", 4}}, .prompts = prompts, .noise_seed = 7};
  StoreWriter writer(path, header, {2, 2, 2});
  for (int64_t i = 0; i < std::ssize(prompts); ++i) writer.append(at::full({1, 2, 2, 2}, first + i, at::kHalf));
  writer.commit();
}

class MergeStores : public testing::Test {
 protected:
  std::filesystem::path path(const std::string& name) const { return folder_ / name; }
  MergedStore merge(const std::vector<std::string>& names) const {
    std::vector<std::filesystem::path> files;
    for (const auto& name : names) files.push_back(path(name));
    return merge_stores(files, path("out.h5"), kMerged);
  }
  std::string refusal(const std::vector<std::string>& names) const {
    return message_of<ConfigError>([&] { merge(names); });
  }

  TemporaryFolder folder_;
};

TEST_F(MergeStores, ImagesAreThoseOfTheFilesOneBehindTheOther) {
  write_store(path("a.h5"), images_from(10, {"one", "two"}));
  write_store(path("b.h5"), images_from(12, {"two", "", "three"}));
  write_store(path("whole.h5"), images_from(10, {"one", "two", "two", "", "three"}));
  EXPECT_EQ(merge({"a.h5", "b.h5"}).size, 5);
  const Store merged(path("out.h5"));
  merged.verify_images();
  EXPECT_EQ(merged.digest(), Store(path("whole.h5")).digest());
  EXPECT_EQ(merged.provenance(), (nlohmann::json{{"tool", "a"}, {"merged", "by a test"}}))
      << "what the files have in common stays";
}

TEST_F(MergeStores, CaptionsMayBeRepeated) {
  write_store(path("a.h5"), {.kind = "captions", .provenance = nlohmann::json::object(), .prompts = {"a", "b"}});
  write_store(path("b.h5"), {.kind = "captions", .provenance = nlohmann::json::object(), .prompts = {"b"}});
  EXPECT_EQ(merge({"a.h5", "b.h5"}).num_left_out, 0);
  EXPECT_THAT(Store(path("out.h5")).prompts(), ElementsAre("a", "b", "b"));
}

TEST_F(MergeStores, EmbeddingsHaveEachPromptOnce) {
  write_embeddings(path("a.h5"), embeddings_of({"one", "two", ""}, at::kBFloat16));
  write_embeddings(path("b.h5"), embeddings_of({"four", "two", "", "five"}, at::kBFloat16));
  const auto merged = merge({"a.h5", "b.h5"});
  EXPECT_EQ(merged.size, 5);
  EXPECT_EQ(merged.num_left_out, 2);
  EXPECT_THAT(Store(path("out.h5")).prompts(), ElementsAre("one", "two", "", "four", "five"));
  EXPECT_THAT(verify_store(path("out.h5"), 2).problems, testing::IsEmpty());
  const auto read = [&](const std::string& file, const std::string& prompt) {
    std::vector<EmbeddingStore> stores;
    stores.emplace_back(path(file));
    return StoredTextEncoder(std::move(stores)).encode({&prompt, 1}).context_BLJ;
  };
  for (const auto* prompt : {"one", "two", ""}) EXPECT_TRUE(at::equal(read("out.h5", prompt), read("a.h5", prompt)));
  for (const auto* prompt : {"four", "five"}) EXPECT_TRUE(at::equal(read("out.h5", prompt), read("b.h5", prompt)));
}

TEST_F(MergeStores, AMergeThatFailedGoesOnAndLeavesNoFileOfItsName) {
  write_embeddings(path("a.h5"), embeddings_of({"one", ""}));
  write_embeddings(path("b.h5"), embeddings_of({"two", ""}));
  std::filesystem::copy_file(path("b.h5"), path("whole.h5"));
  change_byte(path("b.h5"), H5File::open_read_only(path("b.h5")).extent("text/clip", H5Element::kFloat32).offset);
  EXPECT_THAT(message_of<DamageError>([&] { merge({"a.h5", "b.h5"}); }), HasSubstr("b.h5': record 0 fails"));
  EXPECT_FALSE(std::filesystem::exists(path("out.h5")));
  std::filesystem::rename(path("whole.h5"), path("b.h5"));
  EXPECT_EQ(merge({"a.h5", "b.h5"}).size, 3);
  EXPECT_THAT(verify_store(path("out.h5"), 1).problems, testing::IsEmpty());
  EXPECT_FALSE(std::filesystem::exists(path("out.h5.partial")));
}

TEST_F(MergeStores, LatentsOfOneSizeComeTogether) {
  auto info = small_latents();
  write_latents(path("a.h5"), info);
  std::swap(info.buckets[0], info.buckets[1]);
  write_latents(path("b.h5"), info, {"d", "e", "f", "g", "h"});
  EXPECT_EQ(merge({"a.h5", "b.h5"}).size, 10);
  const Store merged(path("out.h5"));
  EXPECT_EQ(merged.latent_info().buckets, (std::vector<LatentBucket>{{4, 6, 6}, {8, 2, 4}}));
  EXPECT_THAT(merged.prompts(), ElementsAre("a", "b", "a", "f", "g", "h", "", "c", "d", "e"));
  const std::vector<int64_t> last_wide = {5}, its_source = {4};
  const auto eps = at::ones({1, 2, 2, 3});
  EXPECT_TRUE(at::equal(merged.latents(last_wide, eps), Store(path("b.h5")).latents(its_source, eps)));
}

TEST_F(MergeStores, PairsKeepTheirNoise) {
  write_pairs(path("a.h5"), 1, {"x", "y", "x"});
  write_pairs(path("b.h5"), 4, {"z", "z"});
  EXPECT_EQ(merge({"a.h5", "b.h5"}).size, 5);
  const std::vector<int64_t> last = {4};
  const auto pair = Store(path("out.h5")).pairs(last);
  EXPECT_EQ(pair.samples.max().item<float>(), 5.0f);
  EXPECT_TRUE(at::equal(pair.noise, CaptionNoise(7, CaptionNoise::kPairs).draw("z", 1, {2, 2, 2})));
  write_pairs(path("c.h5"), 1, {"y"});
  EXPECT_THAT(refusal({"a.h5", "c.h5"}), AllOf(HasSubstr("c.h5"), HasSubstr("'y'")));
}

TEST_F(MergeStores, RefusesFilesThatDoNotBelongTogether) {
  write_store(path("images.h5"), images_from(1, {"a"}));
  write_embeddings(path("tiny.h5"), embeddings_of({""}));
  write_embeddings(path("half.h5"), embeddings_of({""}, at::kHalf));
  auto other = embeddings_of({""});
  other.provenance["encoders"] = {{"t5", "b"}};
  write_embeddings(path("other.h5"), other);
  EXPECT_THAT(refusal({"images.h5", "tiny.h5"}), HasSubstr("images.h5' is a store of images, and "));
  EXPECT_THAT(refusal({"tiny.h5", "half.h5"}), HasSubstr("dtype"));
  EXPECT_THAT(refusal({"tiny.h5", "other.h5"}), HasSubstr("/encoders is \"tiny\" in the first, null in the other"));
  EXPECT_THAT(message_of<ConfigError>([&] {
                const std::vector<std::filesystem::path> files = {path("tiny.h5")};
                merge_stores(files, path("tiny.h5"), kMerged);
              }),
              HasSubstr("read and written at once"));
}

using RepairStore = MergeStores;

TEST_F(RepairStore, LeavesOutTheImagesThatAreDamaged) {
  write_store(path("a.h5"), images_from(100, {"first", "second", "third", "fourth"}));
  damage_image(path("a.h5"), 101);
  change_byte(path("a.h5"), bytes_of_file(path("a.h5")).find("third"));
  EXPECT_THAT(verify_store(path("a.h5"), 2).problems,
              ElementsAre(HasSubstr("record 2: prompt"), HasSubstr("record 1: its image or sample fails")));
  EXPECT_EQ(repair(path("a.h5"), path("out.h5")).num_left_out, 2);
  const Store repaired(path("out.h5"));
  repaired.verify_images();
  EXPECT_THAT(repaired.prompts(), ElementsAre("first", "fourth"));
  EXPECT_EQ(value_of_image(repaired, 1), 103);
  EXPECT_EQ(repaired.provenance()["repaired"]["left_out"], 2);
}

// As older versions wrote it.
void write_images_without_digests(const std::filesystem::path& path) {
  auto file = H5File::create(path);
  file.write_attribute("fgm_format", 1);
  file.write_attribute("kind", std::string("images"));
  file.write_attribute("provenance", std::string("{}"));
  const std::string prompt = "hat";
  const std::vector<std::byte> pixels(24, std::byte{9});
  const std::vector<int64_t> blob_shape = {3}, shape = {2, 2, 2, 3};
  file.write_bytes("prompts/blob", std::as_bytes(std::span(prompt)), blob_shape);
  file.write_uint64("prompts/offset", std::vector<uint64_t>{0, 0});
  file.write_uint64("prompts/length", std::vector<uint64_t>{3, 3});
  file.write_uint64("prompts/xxh64", std::vector<uint64_t>(2, xxh64(prompt)));
  file.write_bytes("images", pixels, shape);
  Digest digest;
  digest.update(pixels);
  file.write_attribute("images_xxh128", digest.hex());
  file.close();
}

TEST_F(RepairStore, WithoutADigestOfEachImageNobodyKnowsWhichIsDamaged) {
  write_images_without_digests(path("a.h5"));
  EXPECT_EQ(merge({"a.h5"}).size, 2);
  change_byte(path("a.h5"), bytes_of_file(path("a.h5")).find(std::string(24, '\x09')));
  EXPECT_THAT(verify_store(path("a.h5"), 1).problems, ElementsAre(HasSubstr("the images' digest is")));
  EXPECT_THAT(message_of<IoError>([&] { repair(path("a.h5"), path("new.h5")); }), HasSubstr("nobody can say"));
  EXPECT_THAT(message_of<DamageError>([&] { merge({"a.h5"}); }), HasSubstr("the images' digest is"));
}

TEST_F(RepairStore, KeepsTheEmbeddingsThatWereWrittenBeforeTheMachineDied) {
  const auto partial = EmbeddingWriter::partial_of(path("a.h5"));
  EmbeddingWriter::prepare(path("a.h5"), embeddings_of({"one", "two", "three", ""}));
  write_records(EmbeddingWriter(path("a.h5")), {1, 3});
  EXPECT_THAT(verify_store(partial, 2).problems, ElementsAre(HasSubstr("2 of 4 records are not written yet")));
  EXPECT_EQ(repair(partial, path("out.h5")).size, 2);
  EXPECT_THAT(Store(path("out.h5")).prompts(), ElementsAre("two", ""));
  EXPECT_THAT(verify_store(path("out.h5"), 1).problems, testing::IsEmpty());
}

TEST_F(RepairStore, OfEmbeddingsNeedsTheEmptyPrompt) {
  write_embeddings(path("a.h5"), embeddings_of({"", "one"}));
  change_byte(path("a.h5"), H5File::open_read_only(path("a.h5")).extent("text/clip", H5Element::kFloat32).offset);
  EXPECT_THAT(message_of<IoError>([&] { repair(path("a.h5"), path("out.h5")); }), HasSubstr("the empty prompt"));
}

TEST_F(RepairStore, ASizeWithoutAWholeLatentIsGone) {
  write_latents(path("a.h5"), small_latents());
  const auto tall = H5File::open_read_only(path("a.h5")).extent("latents/8x2", H5Element::kFloat32);
  for (const uint64_t part : {0, 1}) change_byte(path("a.h5"), tall.offset + part * tall.bytes / 2);
  EXPECT_EQ(repair(path("a.h5"), path("out.h5")).num_left_out, 2);
  EXPECT_EQ(Store(path("out.h5")).latent_info().buckets, (std::vector<LatentBucket>{{4, 6, 3}}));
}

TEST_F(RepairStore, APairGoesWithTheOneOfItsPromptBeforeIt) {
  write_pairs(path("a.h5"), 1, {"x", "y", "x", "y"});
  const auto samples = H5File::open_read_only(path("a.h5")).extent("samples", H5Element::kFloat16);
  change_byte(path("a.h5"), samples.offset);
  EXPECT_EQ(repair(path("a.h5"), path("out.h5")).num_left_out, 2);
  const Store repaired(path("out.h5"));
  EXPECT_THAT(repaired.prompts(), ElementsAre("y", "y"));
  const std::vector<int64_t> last = {1};
  EXPECT_TRUE(at::equal(repaired.pairs(last).noise, CaptionNoise(7, CaptionNoise::kPairs).draw("y", 1, {2, 2, 2})));
}

}  // namespace
}  // namespace fgm
