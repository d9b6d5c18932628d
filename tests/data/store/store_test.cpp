#include "data/store/store.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/file.h>
#include <unistd.h>

#include <fstream>
#include <set>
#include <thread>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "tests/support/errors.h"
#include "tests/support/resource_limit.h"
#include "tests/support/temporary_folder.h"

namespace fgm {
namespace {

using ::testing::HasSubstr;

at::Tensor counting_images(int64_t count) {
  return at::arange(count * 5 * 4 * 3, at::kLong).remainder(251).to(at::kByte).view({count, 5, 4, 3});
}

StoreContents three_images() {
  return {"images", {{"tool", "store_test"}}, {"a red circle", "", "zwei gr\xC3\xBCne Kreise"}, counting_images(3)};
}

void flip_byte(const std::filesystem::path& path, const std::string& marker) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  const std::string bytes(std::istreambuf_iterator<char>(file), {});
  const size_t position = bytes.find(marker);
  ASSERT_NE(position, std::string::npos) << "nothing to damage";
  file.seekp(static_cast<std::streamoff>(position));
  file.put(static_cast<char>(bytes[position] ^ 1));
}

TEST(Store, GivesBackWhatWasWritten) {
  const TemporaryFolder folder;
  write_store(folder / "a.h5", three_images());
  const Store store(folder / "a.h5");
  EXPECT_EQ(store.kind(), "images");
  EXPECT_EQ(store.provenance()["tool"], "store_test");
  EXPECT_EQ(store.prompts(), three_images().prompts);
  EXPECT_EQ(store.image_shape(), (std::vector<int64_t>{5, 4, 3}));
  const std::vector<int64_t> order{2, 0, 2};
  EXPECT_TRUE(at::equal(store.images(order), counting_images(3).index_select(0, at::tensor(order))));
  EXPECT_NO_THROW(store.verify_images());
}

TEST(Store, HoldsCaptionsWithoutImages) {
  const TemporaryFolder folder;
  write_store(folder / "a.h5", {"captions", nlohmann::json::object(), {"", ""}, {}});
  const Store store(folder / "a.h5");
  EXPECT_EQ(store.prompts(), (std::vector<std::string>{"", ""}));
  EXPECT_FALSE(store.has_images());
  EXPECT_TRUE(store.image_shape().empty());
  EXPECT_NO_THROW(store.verify_images());
}

TEST(Store, HoldsProvenanceBeyondTheLimitOfCompactAttributes) {
  const TemporaryFolder folder;
  auto contents = three_images();
  contents.provenance["notes"] = std::string(200'000, 'x');
  write_store(folder / "a.h5", contents);
  EXPECT_EQ(Store(folder / "a.h5").provenance(), contents.provenance);
}

TEST(Store, HasADigestOfItsPromptsAndImages) {
  const auto digest = [](std::vector<std::string> prompts, const at::Tensor& images) {
    const TemporaryFolder folder;
    const bool has_images = images.defined();
    write_store(folder / "s.h5", {.kind = has_images ? "images" : "captions",
                                  .provenance = {{"made", folder.path().string()}},
                                  .prompts = std::move(prompts),
                                  .images_NHWC = images});
    return Store(folder / "s.h5").digest();
  };
  const auto images = at::zeros({2, 4, 4, 3}, at::kByte), others = at::ones({2, 4, 4, 3}, at::kByte);
  const std::set<std::string> different = {digest({"a", "bc"}, images), digest({"a", "bc"}, others),
                                           digest({"a", "bc"}, {}), digest({"ab", "c"}, {}), digest({"bc", "a"}, {})};
  EXPECT_EQ(different.size(), 5u);
  EXPECT_EQ(digest({"a", "bc"}, images), digest({"a", "bc"}, images));
}

TEST(Store, StoresARepeatedPromptOnce) {
  const TemporaryFolder folder;
  const std::string prompt(1000, 'p');
  write_store(folder / "a.h5", {"captions", nlohmann::json::object(), std::vector<std::string>(100, prompt), {}});
  EXPECT_LT(std::filesystem::file_size(folder / "a.h5"), 100 * prompt.size());
  EXPECT_EQ(Store(folder / "a.h5").prompts().back(), prompt);
}

TEST(Store, ManyThreadsReadTheSameBytesAsOne) {
  const TemporaryFolder folder;
  write_store(folder / "a.h5",
              {"images", nlohmann::json::object(), std::vector<std::string>(64, "p"), counting_images(64)});
  const Store store(folder / "a.h5");
  std::vector<int> num_equal(4, 0);
  {
    std::vector<std::jthread> threads;
    for (size_t t = 0; t < num_equal.size(); ++t) {
      threads.emplace_back([&, t] {
        for (int64_t i = 0; i < 64; ++i) {
          num_equal[t] += at::equal(store.images({&i, 1})[0], counting_images(64)[i]) ? 1 : 0;
        }
      });
    }
  }
  EXPECT_THAT(num_equal, ::testing::Each(64));
}

TEST(Store, OpensAFileThatAnotherProcessHasLocked) {
  const TemporaryFolder folder;
  write_store(folder / "a.h5", three_images());
  const int descriptor = ::open((folder / "a.h5").c_str(), O_RDWR);
  ASSERT_EQ(::flock(descriptor, LOCK_EX | LOCK_NB), 0);
  EXPECT_NO_THROW(Store(folder / "a.h5"));
  ::close(descriptor);
}

TEST(Store, NamesAMissingFile) {
  const auto message = message_of<IoError>([] { Store("/nowhere/a.h5"); });
  EXPECT_THAT(message, HasSubstr("cannot open /nowhere/a.h5"));
  EXPECT_THAT(message, HasSubstr("No such file"));
  EXPECT_EQ(exit_code_from([] { Store("/nowhere/a.h5"); }), kExitConfig);
}

TEST(Store, ThatCannotBeOpenedJustNowIsWorthAnotherStart) {
  const TemporaryFolder folder;
  write_store(folder / "a.h5", {"captions", nlohmann::json::object(), {"p"}, {}});
  const ResourceLimit no_files(RLIMIT_NOFILE, 0);
  EXPECT_EQ(exit_code_from([&] { Store(folder / "a.h5"); }), kExitCrash);
}

TEST(Store, RejectsAFileThatIsNotHdf5) {
  const TemporaryFolder folder;
  std::ofstream(folder / "a.h5") << "not a store";
  const auto message = message_of<IoError>([&] { Store(folder / "a.h5"); });
  EXPECT_THAT(message, HasSubstr("a.h5"));
  EXPECT_THAT(message, HasSubstr("file signature not found"));
  EXPECT_THAT(message, HasSubstr("copy or make it again"));
}

TEST(Store, SaysInOneLineWhyAFolderIsNoStore) {
  const TemporaryFolder folder;
  const auto message = message_of<IoError>([&] { Store(folder.path()); });
  EXPECT_THAT(message, HasSubstr("Is a directory"));
  EXPECT_EQ(message.find('\n'), std::string::npos);
}

TEST(Store, RejectsEveryTruncation) {
  const TemporaryFolder folder;
  write_store(folder / "a.h5", three_images());
  const auto full = std::filesystem::file_size(folder / "a.h5");
  for (uintmax_t bytes = 0; bytes < full; bytes += 97) {
    std::filesystem::copy_file(folder / "a.h5", folder / "b.h5", std::filesystem::copy_options::overwrite_existing);
    std::filesystem::resize_file(folder / "b.h5", bytes);
    EXPECT_THROW(Store(folder / "b.h5"), IoError) << bytes << " of " << full << " bytes";
  }
}

TEST(Store, FindsADamagedPrompt) {
  const TemporaryFolder folder;
  write_store(folder / "a.h5", three_images());
  flip_byte(folder / "a.h5", "a red circle");
  EXPECT_THAT(message_of<IoError>([&] { Store(folder / "a.h5"); }), HasSubstr("prompt 0 fails its check-sum"));
}

TEST(Store, FindsAPromptThatIsDamagedAfterItWasOpened) {
  const TemporaryFolder folder;
  write_store(folder / "a.h5", three_images());
  const Store store(folder / "a.h5");
  EXPECT_EQ(store.caption(0), "a red circle");
  flip_byte(folder / "a.h5", "a red circle");
  EXPECT_THAT(message_of<IoError>([&] { store.caption(0); }), HasSubstr("a.h5': prompt 0 fails its check-sum"));
  EXPECT_EQ(store.caption(2), three_images().prompts[2]);
}

// 3 MB of texts, which are read in pieces of 1 MiB; every third record repeats a prompt from the first piece.
TEST(Store, GivesBackPromptsOfManyPiecesAndRepeats) {
  const TemporaryFolder folder;
  StoreContents contents{"captions", nlohmann::json::object(), {}, {}};
  for (size_t i = 0; i < 30'000; ++i) {
    contents.prompts.push_back(i % 3 == 2 ? contents.prompts[i / 100]
                                          : std::string(100 + i % 90, 'p') + std::to_string(i));
  }
  write_store(folder / "a.h5", contents);
  const Store store(folder / "a.h5");
  EXPECT_EQ(store.prompts(), contents.prompts);
  EXPECT_EQ(store.first(2), std::vector<std::string>(contents.prompts.begin(), contents.prompts.begin() + 2));
  for (const int64_t i : {0, 2, 29'998, 29'999}) EXPECT_EQ(store.caption(i), contents.prompts[static_cast<size_t>(i)]);
  EXPECT_EQ(store.digest(), digest_texts(contents.prompts).hex());
}

TEST(Store, VerifyFindsADamagedImage) {
  const TemporaryFolder folder;
  write_store(folder / "a.h5", three_images());
  flip_byte(folder / "a.h5", "\x28\x29\x2A\x2B\x2C");
  const Store store(folder / "a.h5");
  EXPECT_THAT(message_of<IoError>([&] { store.verify_images(); }), HasSubstr("digest"));
}

}  // namespace
}  // namespace fgm
