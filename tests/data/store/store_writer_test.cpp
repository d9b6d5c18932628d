#include <gmock/gmock.h>

#include <fstream>

#include "core/base/caption_noise.h"
#include "core/base/error.h"
#include "data/store/store_writer.h"
#include "tests/support/errors.h"
#include "tests/support/resource_limit.h"
#include "tests/support/temporary_folder.h"

// HDF5 leaks a file that it could not flush, here to a full disk.
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libhdf5";
}

namespace fgm {
namespace {

using ::testing::HasSubstr;

StoreContents contents_of(int64_t count) {
  return {"images", nlohmann::json::object(), std::vector<std::string>(static_cast<size_t>(count), "p"),
          at::full({count, 16, 16, 3}, 7, at::kByte)};
}

int64_t num_files(const TemporaryFolder& folder) {
  return std::distance(std::filesystem::directory_iterator(folder.path()), {});
}

// 1 KB stops the first metadata, 20 KB the images, the last one the metadata that closing flushes.
TEST(WriteStore, AFullDiskIsAnErrorAndLeavesTheOldFile) {
  const TemporaryFolder folder;
  write_store(folder / "a.h5", contents_of(3));
  write_store(folder / "big.h5", contents_of(200));
  const auto full = std::filesystem::file_size(folder / "big.h5");
  ASSERT_GT(full, 20'000U);
  for (const rlim_t limit : {rlim_t{1'000}, rlim_t{20'000}, static_cast<rlim_t>(full - 1)}) {
    const ResourceLimit full_disk(RLIMIT_FSIZE, limit);
    const auto message = message_of<IoError>([&] { write_store(folder / "a.h5", contents_of(200)); });
    EXPECT_THAT(message, HasSubstr("a.h5")) << limit;
    EXPECT_THAT(message, HasSubstr("File too large")) << limit;
    EXPECT_EQ(exit_code_from([&] { write_store(folder / "a.h5", contents_of(200)); }), kExitDoNotRequeue) << limit;
  }
  EXPECT_EQ(Store(folder / "a.h5").size(), 3);
  EXPECT_EQ(num_files(folder), 2) << "a temporary file was left behind";
}

TEST(WriteStore, ReplacesAnOlderFile) {
  const TemporaryFolder folder;
  write_store(folder / "a.h5", contents_of(3));
  write_store(folder / "a.h5", contents_of(5));
  EXPECT_EQ(Store(folder / "a.h5").size(), 5);
  EXPECT_EQ(num_files(folder), 1);
}

TEST(WriteStore, AnOpenStoreKeepsReadingTheFileThatWasReplaced) {
  const TemporaryFolder folder;
  write_store(folder / "a.h5", contents_of(3));
  const Store store(folder / "a.h5");
  auto other = contents_of(3);
  other.images_NHWC.fill_(9);
  write_store(folder / "a.h5", other);
  const int64_t index = 2;
  EXPECT_EQ(store.images({&index, 1}).max().item<uint8_t>(), 7);
}

TEST(WriteStore, MakesAMissingFolder) {
  const TemporaryFolder folder;
  write_store(folder / "new/folder/a.h5", contents_of(1));
  EXPECT_EQ(Store(folder / "new/folder/a.h5").size(), 1);
}

StoreContents different_images(int64_t count) {
  auto contents = contents_of(count);
  contents.images_NHWC =
      at::arange(contents.images_NHWC.numel()).remainder(251).to(at::kByte).view_as(contents.images_NHWC);
  for (int64_t i = 0; i < count; ++i) contents.prompts[static_cast<size_t>(i)] = fmt::format("p{}", i % 4);
  return contents;
}

TEST(StoreWriter, ImageByImageIsTheSameStore) {
  const TemporaryFolder folder;
  const auto contents = different_images(50);
  write_store(folder / "whole.h5", contents);
  StoreWriter writer(folder / "streamed.h5", contents, {16, 16, 3});
  for (int64_t i = 0; i < 50; i += i == 10 ? 4 : 1) writer.append(contents.images_NHWC.narrow(0, i, i == 10 ? 4 : 1));
  writer.commit();
  const Store whole(folder / "whole.h5"), streamed(folder / "streamed.h5");
  streamed.verify_images();
  EXPECT_EQ(streamed.digest(), whole.digest());
  EXPECT_EQ(std::filesystem::file_size(streamed.path()), std::filesystem::file_size(whole.path()));
}

TEST(StoreWriter, RecordsThatCameToNoImageLeaveNoTrace) {
  const TemporaryFolder folder;
  const auto expected = different_images(50);
  auto fewer = expected;
  fewer.prompts.resize(20);
  fewer.images_NHWC = expected.images_NHWC.slice(0, 0, 20);
  write_store(folder / "fewer.h5", fewer);
  StoreWriter writer(folder / "a.h5", expected, {16, 16, 3});
  writer.append(fewer.images_NHWC);
  writer.commit_fewer(fewer);
  const Store store(folder / "a.h5");
  store.verify_images();
  EXPECT_EQ(store.digest(), Store(folder / "fewer.h5").digest());
  EXPECT_EQ(std::filesystem::file_size(store.path()), std::filesystem::file_size(folder / "fewer.h5"));
  EXPECT_EQ(num_files(folder), 2) << "a temporary file was left behind";
}

StoreContents three_pairs() {
  return {.kind = "pairs", .provenance = nlohmann::json::object(), .prompts = {"a", "b", "a"}, .noise_seed = 7};
}

// Samples [3, 2, 4, 5], of which each element is another.
at::Tensor three_samples() {
  return (at::arange(120, at::kFloat).view({3, 2, 4, 5}) / 64 - 1).to(at::kHalf);
}

TEST(StoreWriter, PairsComeBackWithTheNoiseOfTheirCaptionAndNumber) {
  const TemporaryFolder folder;
  StoreWriter writer(folder / "a.h5", three_pairs(), {2, 4, 5});
  writer.append(three_samples().narrow(0, 0, 2));
  writer.append(three_samples().narrow(0, 2, 1));
  writer.commit();
  const Store store(folder / "a.h5");
  store.verify_images();
  EXPECT_EQ(store.sample_shape(), (std::vector<int64_t>{2, 4, 5}));
  EXPECT_TRUE(store.image_shape().empty()) << "samples are no images";
  const std::vector<int64_t> order = {2, 0};
  const auto [noise, samples] = store.pairs(order);
  EXPECT_TRUE(at::equal(samples, three_samples().to(at::kFloat).index_select(0, at::tensor(order))));
  const CaptionNoise expected(7, CaptionNoise::kPairs);
  EXPECT_TRUE(at::equal(noise, at::cat({expected.draw("a", 1, {2, 4, 5}), expected.draw("a", 0, {2, 4, 5})})));
}

TEST(StoreWriter, ADamagedSampleIsNoticed) {
  const TemporaryFolder folder;
  StoreWriter writer(folder / "a.h5", three_pairs(), {2, 4, 5});
  writer.append(three_samples());
  writer.commit();
  {
    std::fstream file(folder / "a.h5", std::ios::in | std::ios::out | std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(file), {});
    const std::string first_row(static_cast<const char*>(three_samples().data_ptr()), 80);
    ASSERT_NE(bytes.find(first_row), std::string::npos) << "nothing to damage";
    file.seekp(static_cast<std::streamoff>(bytes.find(first_row)));
    file.put('\x7f');
  }
  EXPECT_THAT(message_of<IoError>([&] { Store(folder / "a.h5").verify_images(); }), HasSubstr("the samples' digest"));
}

TEST(StoreWriter, OneThatIsGivenUpLeavesTheOldFile) {
  const TemporaryFolder folder;
  write_store(folder / "a.h5", contents_of(3));
  {
    StoreWriter writer(folder / "a.h5", contents_of(5), {16, 16, 3});
    writer.append(contents_of(2).images_NHWC);
  }
  EXPECT_EQ(Store(folder / "a.h5").size(), 3);
  EXPECT_EQ(num_files(folder), 1);
}

TEST(WriteStore, RejectsACaptionThatIsNotUtf8) {
  const TemporaryFolder folder;
  auto contents = contents_of(2);
  contents.prompts[1] = "caf\xE9";
  EXPECT_THAT(message_of<ConfigError>([&] { write_store(folder / "a.h5", contents); }), HasSubstr("caption 1"));
  EXPECT_EQ(num_files(folder), 0);
}

}  // namespace
}  // namespace fgm
