#include "data/store/embedding_store.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "core/base/error.h"
#include "data/hdf5/h5_file.h"
#include "data/store/store.h"
#include "data/store/verify_store.h"
#include "tests/data/store/embedding_fixture.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"

namespace fgm {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

const std::vector<std::string> kPrompts = {"a red cube", "zwei gr\xC3\xBCne Kreise", ""};

Conditioning read_all(const std::filesystem::path& path, const std::vector<std::string>& prompts) {
  std::vector<EmbeddingStore> stores;
  stores.emplace_back(path);
  return StoredTextEncoder(std::move(stores)).encode(prompts);
}

class EmbeddingStoreOfType : public testing::TestWithParam<at::ScalarType> {};

TEST_P(EmbeddingStoreOfType, GivesTheRowsThatWereWrittenRoundedToIt) {
  const TemporaryFolder folder;
  write_embeddings(folder / "a.h5", embeddings_of(kPrompts, GetParam()));
  const EmbeddingStore store(folder / "a.h5");
  const auto rows = rows_of_records(0, 3);
  const auto rounded = [](const at::Tensor& values) { return values.to(GetParam()).to(at::kFloat); };
  ASSERT_EQ(at::equal(rounded(rows.clip), rows.clip), GetParam() == at::kFloat) << "the values cannot tell the types";
  const std::vector<std::string> prompts = {"", "a red cube", ""};
  const auto condition = read_all(store.path(), prompts);
  const auto clip = at::constant_pad_nd(rounded(rows.clip), {0, 2});
  const auto order = at::tensor({2, 0, 2}, at::kLong);
  EXPECT_TRUE(at::equal(condition.context_BLJ, at::cat({clip, rounded(rows.t5)}, 1).index_select(0, order)));
  EXPECT_TRUE(at::equal(condition.pooled_BP, rounded(rows.pooled).index_select(0, order)));
  EXPECT_EQ(store.info().dtype, GetParam());
  EXPECT_EQ(store.info().shape, kSmallShape);
  EXPECT_EQ(store.info().provenance["encoders"], "tiny");
}

INSTANTIATE_TEST_SUITE_P(EveryType, EmbeddingStoreOfType, testing::Values(at::kFloat, at::kHalf, at::kBFloat16));

TEST(EmbeddingStore, HasZerosForRowsOfAnEncoderThatWasNotThere) {
  const TemporaryFolder folder;
  auto header = embeddings_of(kPrompts);
  header.shape.t5_width = 0;
  write_embeddings(folder / "a.h5", header);
  const auto context = read_all(folder / "a.h5", kPrompts).context_BLJ;
  ASSERT_EQ(context.sizes(), (std::vector<int64_t>{3, 6, 5}));
  EXPECT_EQ(context.narrow(1, 2, 4).abs().max().item<float>(), 0.0f);
  EXPECT_GT(context.narrow(1, 0, 2).abs().max().item<float>(), 0.0f);
}

TEST(EmbeddingStore, SaysWhichPromptItLacks) {
  const TemporaryFolder folder;
  write_embeddings(folder / "a.h5", embeddings_of(kPrompts));
  EXPECT_THAT(message_of<ConfigError>([&] {
                read_all(folder / "a.h5", {"", "a blue cube"});
              }),
              AllOf(HasSubstr("'a blue cube'"), HasSubstr("a.h5"), HasSubstr("fgm encode")));
}

TEST(EmbeddingStore, FindsEachOfManyPromptsAndNoOther) {
  const TemporaryFolder folder;
  std::vector<std::string> prompts = {""};
  for (int i = 0; i < 5000; ++i) prompts.push_back(fmt::format("prompt {}", i));
  EmbeddingWriter::prepare(folder / "a.h5", {prompts, {1, 1, 0, 0, 1, 1}, at::kFloat, nlohmann::json::object()});
  std::vector<int64_t> records(prompts.size());
  std::iota(records.begin(), records.end(), 0);
  const EmbeddingWriter writer(folder / "a.h5");
  const auto n = std::ssize(prompts);
  writer.write(records, {at::zeros({n, 1, 1}), at::Tensor(), at::zeros({n, 1})});
  EmbeddingWriter::finish(folder / "a.h5");
  const EmbeddingStore store(folder / "a.h5");
  for (int64_t i = 0; i < n; ++i) ASSERT_EQ(store.find(prompts[static_cast<size_t>(i)]), i);
  for (int i = 5000; i < 10'000; ++i) ASSERT_EQ(store.find(fmt::format("prompt {}", i)), std::nullopt);
}

TEST(EmbeddingStore, ManyThreadsReadTheSameAsOne) {
  const TemporaryFolder folder;
  write_embeddings(folder / "a.h5", embeddings_of(kPrompts));
  const auto expected = read_all(folder / "a.h5", kPrompts);
  std::vector<EmbeddingStore> stores;
  stores.emplace_back(folder / "a.h5");
  const StoredTextEncoder encoder(std::move(stores));
  std::vector<int> num_equal(4, 0);
  {
    std::vector<std::jthread> threads;
    for (auto& count : num_equal) {
      threads.emplace_back([&] {
        for (int i = 0; i < 50; ++i) {
          const auto read = encoder.encode(kPrompts);
          count += at::equal(read.context_BLJ, expected.context_BLJ) && at::equal(read.pooled_BP, expected.pooled_BP);
        }
      });
    }
  }
  EXPECT_THAT(num_equal, testing::Each(50));
}

TEST(StoredTextEncoder, LooksIntoEveryStoreAndWantsThemOfTheSameEncoders) {
  const TemporaryFolder folder;
  write_embeddings(folder / "a.h5", embeddings_of({"a", ""}));
  write_embeddings(folder / "b.h5", embeddings_of({"", "first", "second"}, at::kHalf));
  auto others = embeddings_of({""});
  others.provenance["encoders"] = "others";
  write_embeddings(folder / "others.h5", others);
  const auto encoder_of = [&](const char* second) {
    std::vector<EmbeddingStore> stores;
    stores.emplace_back(folder / "a.h5");
    stores.emplace_back(folder / second);
    return StoredTextEncoder(std::move(stores));
  };
  const std::vector<std::string> captions = {"second", "a"};
  const auto rows = encoder_of("b.h5").encode(captions);
  EXPECT_TRUE(at::equal(rows.pooled_BP[0], rows_of_records(2, 1).pooled[0].to(at::kHalf).to(at::kFloat)));
  EXPECT_TRUE(at::equal(rows.pooled_BP[1], rows_of_records(0, 1).pooled[0]));
  EXPECT_TRUE(encoder_of("b.h5").contains("first"));
  EXPECT_FALSE(encoder_of("b.h5").contains("third"));
  EXPECT_THAT(message_of<ConfigError>([&] { encoder_of("others.h5"); }), HasSubstr("others.h5' holds embeddings of"));
}

TEST(EmbeddingStore, IsAStoreOfItsPrompts) {
  const TemporaryFolder folder;
  write_embeddings(folder / "a.h5", embeddings_of(kPrompts));
  const Store store(folder / "a.h5");
  EXPECT_EQ(store.kind(), "embeddings");
  EXPECT_EQ(store.prompts(), kPrompts);
  EXPECT_FALSE(store.has_images() || store.has_pairs());
}

TEST(EmbeddingStore, RefusesAStoreOfImages) {
  const TemporaryFolder folder;
  write_store(folder / "a.h5", {"captions", nlohmann::json::object(), {"p"}, {}});
  EXPECT_THAT(message_of<IoError>([&] { EmbeddingStore(folder / "a.h5"); }),
              AllOf(HasSubstr("a store of captions"), HasSubstr("fgm encode")));
}

TEST(EmbeddingStore, HasADigestOfPromptsAndEmbeddings) {
  const auto digest = [](const std::vector<std::string>& prompts, at::ScalarType dtype) {
    const TemporaryFolder folder;
    auto header = embeddings_of(prompts, dtype);
    header.provenance["made"] = folder.path().string();
    write_embeddings(folder / "a.h5", header);
    return EmbeddingStore(folder / "a.h5").digest();
  };
  const std::set<std::string> different = {digest({"a", ""}, at::kFloat), digest({"b", ""}, at::kFloat),
                                           digest({"a", ""}, at::kHalf)};
  EXPECT_EQ(different.size(), 3u);
  EXPECT_EQ(digest({"a", ""}, at::kFloat), digest({"a", ""}, at::kFloat));
}

TEST(EncodersDigest, DependsOnWhatMadeTheEmbeddingsAlone) {
  using Json = nlohmann::json;
  const Json made = {{"encoders", {{"t5", "12"}, {"rule", "nfc"}}}, {"source", "a.txt"}};
  Json elsewhere = made, other = made;
  elsewhere["source"] = "b.txt";
  other["encoders"]["t5"] = "13";
  EXPECT_EQ(encoders_digest(made), encoders_digest(elsewhere));
  EXPECT_NE(encoders_digest(made), encoders_digest(other));
  EXPECT_EQ(encoders_digest(made).size(), 16u);
}

// Where the bytes of a store's records lie, and which record has them.
std::map<size_t, int64_t> bytes_with_records(const std::filesystem::path& path) {
  const auto file = H5File::open_read_only(path);
  std::map<size_t, int64_t> record_of;
  const auto add = [&](const char* name, H5Element element) {
    const auto extent = file.extent(name, element);
    const auto each = extent.bytes / static_cast<uint64_t>(extent.shape[0]);
    for (uint64_t i = 0; i < extent.bytes; ++i) record_of[extent.offset + i] = static_cast<int64_t>(i / each);
  };
  for (const auto* name : {"text/clip", "text/t5", "text/pooled"}) add(name, H5Element::kBFloat16);
  for (const auto* name : {"text/xxh3", "prompts/xxh64", "prompts/length"}) add(name, H5Element::kUint64);
  return record_of;
}

TEST(VerifyStore, NamesTheRecordOfEachOf200DamagedBytes) {
  const TemporaryFolder folder;
  write_embeddings(folder / "a.h5", embeddings_of(kPrompts, at::kBFloat16));
  EXPECT_THAT(verify_store(folder / "a.h5", 2).problems, testing::IsEmpty());
  const auto places = bytes_with_records(folder / "a.h5");
  std::mt19937_64 random(1);
  for (int i = 0; i < 200; ++i) {
    const auto [position, record] = *std::next(places.begin(), static_cast<ptrdiff_t>(random() % places.size()));
    std::filesystem::copy_file(folder / "a.h5", folder / "b.h5", std::filesystem::copy_options::overwrite_existing);
    change_byte(folder / "b.h5", position);
    const auto check = verify_store(folder / "b.h5", 2);
    ASSERT_EQ(check.size, 3);
    ASSERT_THAT(check.problems, ElementsAre(HasSubstr(fmt::format("record {}: ", record)))) << position;
  }
}

TEST(VerifyStore, NamesEveryBadRecordOnce) {
  const TemporaryFolder folder;
  std::vector<std::string> prompts = {""};
  for (int i = 1; i < 100; ++i) prompts.push_back(fmt::format("{}", i));
  write_embeddings(folder / "a.h5", embeddings_of(prompts));
  const auto clip = H5File::open_read_only(folder / "a.h5").extent("text/clip", H5Element::kFloat32);
  for (const size_t record : {3, 40, 99}) change_byte(folder / "a.h5", clip.offset + record * clip.bytes / 100);
  EXPECT_THAT(verify_store(folder / "a.h5", 4).problems,
              ElementsAre(HasSubstr("record 3: "), HasSubstr("record 40: "), HasSubstr("record 99: ")));
  EXPECT_NO_THROW(read_all(folder / "a.h5", {"39"}));
  EXPECT_THAT(message_of<DamageError>([&] { read_all(folder / "a.h5", {"40"}); }),
              AllOf(HasSubstr("record 40 (prompt '40')"), HasSubstr("fgm data verify")));
}

TEST(VerifyStore, NamesBadPromptsAndImagesOfFormatOne) {
  const TemporaryFolder folder;
  write_store(folder / "a.h5",
              {"images", nlohmann::json::object(), {"first", "second", "third"}, at::full({3, 8, 8, 3}, 7, at::kByte)});
  EXPECT_THAT(verify_store(folder / "a.h5", 1).problems, testing::IsEmpty());
  const auto bytes = bytes_of_file(folder / "a.h5");
  for (const auto* text : {"second", "third", "\x07\x07\x07\x07\x07\x07\x07\x07"}) {
    change_byte(folder / "a.h5", bytes.find(text));
  }
  EXPECT_THAT(verify_store(folder / "a.h5", 1).problems, ElementsAre(HasSubstr("record 1: "), HasSubstr("record 2: "),
                                                                     HasSubstr("record 0: its image or sample fails")));
}

TEST(VerifyStore, ReportsWhatIsNoStoreAndWhatIsCutOff) {
  const TemporaryFolder folder;
  std::ofstream(folder / "text.h5") << "not a store";
  write_embeddings(folder / "a.h5", embeddings_of(kPrompts));
  for (const auto bytes : {600, 3000}) {
    std::filesystem::copy_file(folder / "a.h5", folder / "b.h5", std::filesystem::copy_options::overwrite_existing);
    std::filesystem::resize_file(folder / "b.h5", static_cast<uintmax_t>(bytes));
    EXPECT_THAT(verify_store(folder / "b.h5", 1).problems, ElementsAre(HasSubstr("b.h5")));
  }
  for (const auto* name : {"text.h5", "missing.h5"}) {
    EXPECT_THAT(verify_store(folder / name, 1).problems, ElementsAre(HasSubstr(name)));
  }
}

TEST(EmbeddingStore, AnyDamagedByteIsAnErrorOrLeavesEveryRecordAsItWas) {
  const TemporaryFolder folder;
  write_embeddings(folder / "a.h5", embeddings_of(kPrompts, at::kHalf));
  const auto whole = read_all(folder / "a.h5", kPrompts);
  std::mt19937_64 random(2);
  int num_refused = 0;
  for (int i = 0; i < 400; ++i) {
    std::filesystem::copy_file(folder / "a.h5", folder / "b.h5", std::filesystem::copy_options::overwrite_existing);
    change_byte(folder / "b.h5", random() % std::filesystem::file_size(folder / "b.h5"));
    try {
      const auto read = read_all(folder / "b.h5", kPrompts);
      const bool has_same_shape = read.context_BLJ.sizes() == whole.context_BLJ.sizes();
      EXPECT_TRUE(!has_same_shape || at::equal(read.context_BLJ, whole.context_BLJ));
    } catch (const Error& error) {
      EXPECT_EQ(error.exit_code(), kExitConfig) << error.what();
      ++num_refused;
    }
  }
  EXPECT_GT(num_refused, 360) << "what is left are the ends of the guard's block and of a byte that says done";
}

}  // namespace
}  // namespace fgm
