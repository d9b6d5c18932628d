#include "data/store/store_set.h"

#include <gmock/gmock.h>

#include <random>

#include "core/base/error.h"
#include "data/store/store_writer.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"

namespace fgm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// a.h5, p-1.h5, p-2.h5 and b.h5 hold 2, 3, 4 and 5 images; record i of a file has the prompt "<file> <i>" and pixels of
// the value 10 x number of records + i.
class StoreSetTest : public ::testing::Test {
 protected:
  StoreSetTest() {
    write("a", 2);
    write("p-1", 3);
    write("p-2", 4);
    write("b", 5);
  }

  void write(const std::string& name, int64_t count) {
    StoreContents contents{"images", nlohmann::json::object(), {}, at::empty({count, 2, 2, 3}, at::kByte)};
    for (int64_t i = 0; i < count; ++i) {
      contents.prompts.push_back(fmt::format("{} {}", name, i));
      contents.images_NHWC[i].fill_(10 * count + i);
    }
    write_store(folder_ / (name + ".h5"), contents);
  }

  // A list of files of the folder: "a.h5,b.h5:0.3".
  std::string list(const std::string& names) const {
    std::string out = (folder_ / names).string();
    for (size_t comma = 0; (comma = out.find(',', comma)) != std::string::npos;) {
      out.insert(++comma, fmt::format(" {}/", folder_.path().string()));
    }
    return out;
  }
  std::string refusal(const std::string& names) const {
    return message_of<ConfigError>([&] { StoreSet{list(names)}; });
  }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  TemporaryFolder folder_;
};

TEST_F(StoreSetTest, OfOneFileIsThatStore) {
  const StoreSet set(path("a.h5"));
  const Store store(folder_ / "a.h5");
  EXPECT_EQ(set.place(), path("a.h5"));
  EXPECT_EQ(set.digest(), store.digest());
  EXPECT_EQ(set.first(99), store.prompts());
  ASSERT_EQ(set.shares().size(), 1u);
  EXPECT_EQ(set.shares()[0].size, 2);
}

TEST_F(StoreSetTest, HasTheRecordsOfItsFilesOneBehindTheOther) {
  const StoreSet set(list("a.h5,p-*.h5"));
  EXPECT_THAT(set.first(set.size()),
              ElementsAre("a 0", "a 1", "p-1 0", "p-1 1", "p-1 2", "p-2 0", "p-2 1", "p-2 2", "p-2 3"));
  EXPECT_EQ(set.caption(4), "p-1 2");
  const std::vector<int64_t> records = {8, 0, 2, 5};
  const auto images = set.images(records);
  ASSERT_EQ(images.sizes(), (std::vector<int64_t>{4, 2, 2, 3}));
  const std::vector<int> values = {43, 20, 30, 40};
  for (int64_t row = 0; row < 4; ++row) {
    EXPECT_TRUE(at::all(images[row] == values[static_cast<size_t>(row)]).item<bool>()) << row;
  }
}

TEST_F(StoreSetTest, FilesWithoutAWeightShareWhatTheOthersLeave) {
  const StoreSet set(list("b.h5:0.3,a.h5,p-*.h5:0.5"));
  EXPECT_THAT(files_of_stores(list("b.h5:0.3,a.h5,p-*.h5:0.5")),
              ElementsAre(path("a.h5"), path("b.h5"), path("p-1.h5"), path("p-2.h5")));
  EXPECT_EQ(set.caption(2), "b 0");
  ASSERT_EQ(set.shares().size(), 3u);
  const std::vector<std::pair<int64_t, int64_t>> expected = {{2, 200'000'000}, {5, 300'000'000}, {7, 500'000'000}};
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(set.shares()[i].size, expected[i].first);
    EXPECT_EQ(set.shares()[i].weight, expected[i].second);
  }
}

TEST_F(StoreSetTest, PairsOfSeveralFilesAreThoseOfTheirOwn) {
  for (const int64_t seed : {4, 5}) {
    StoreContents contents{
        .kind = "pairs", .provenance = nlohmann::json::object(), .prompts = {"a cup", "a cup"}, .noise_seed = seed};
    StoreWriter writer(folder_ / fmt::format("pairs-{}.h5", seed), contents, {3, 4, 2});
    writer.append(at::full({2, 3, 4, 2}, static_cast<double>(seed), at::kHalf));
    writer.commit();
  }
  const std::vector<int64_t> records = {3, 0}, second = {1}, first = {0};
  const auto pairs = StoreSet(list("pairs-*.h5")).pairs(records);
  const auto a = Store(folder_ / "pairs-5.h5").pairs(second), b = Store(folder_ / "pairs-4.h5").pairs(first);
  EXPECT_TRUE(at::equal(pairs.noise, at::cat({a.noise, b.noise})));
  EXPECT_TRUE(at::equal(pairs.samples, at::cat({a.samples, b.samples})));
  EXPECT_FALSE(at::equal(a.noise, b.noise));
}

TEST_F(StoreSetTest, HasADigestOfItsFilesInTheirOrder) {
  EXPECT_EQ(StoreSet(list("p-1.h5,p-2.h5")).digest(), StoreSet(list("p-*.h5")).digest());
  EXPECT_NE(StoreSet(list("p-2.h5,p-1.h5")).digest(), StoreSet(list("p-*.h5")).digest());
}

TEST_F(StoreSetTest, TakesANameWithCommaOrColonForTheFileThatIsThere) {
  std::filesystem::copy_file(folder_ / "a.h5", folder_ / "a,b:0.5.h5");
  EXPECT_EQ(StoreSet(path("a,b:0.5.h5")).size(), 2);
  std::filesystem::copy_file(folder_ / "a.h5", folder_ / "x:y.h5");
  EXPECT_EQ(StoreSet(list("b.h5,x:y.h5")).size(), 7);
}

TEST_F(StoreSetTest, RefusesWeightsThatMakeNoMixture) {
  EXPECT_THAT(refusal("a.h5,b.h5:3"), HasSubstr("b.h5 has the weight 3"));
  EXPECT_THAT(refusal("a.h5,b.h5:0"), HasSubstr("b.h5 has the weight 0"));
  EXPECT_THAT(refusal("a.h5,b.h5:nan"), HasSubstr("b.h5 has the weight nan"));
  EXPECT_THAT(refusal("a.h5,b.h5:0.4,p-1.h5:0.6"), HasSubstr("leave nothing to the files without one"));
  EXPECT_THAT(refusal("a.h5:0.4,b.h5:0.5"), HasSubstr("the weights are 0.9 together"));
  EXPECT_EQ(StoreSet(list("a.h5:0.333333,b.h5:0.333333,p-1.h5:0.333333")).shares().size(), 3u);
}

TEST_F(StoreSetTest, RefusesAListThatNamesNothingOrAFileTwice) {
  EXPECT_THAT(message_of<ConfigError>([] { StoreSet{" , "}; }), HasSubstr("names no file"));
  EXPECT_THAT(refusal("p-*.h5,p-2.h5:0.5"), HasSubstr("p-2.h5 twice"));
}

TEST_F(StoreSetTest, AMillionRandomReadsGiveTheRecordsThatWereWritten) {
  const std::vector<int64_t> sizes = {7, 1000, 1, 300};
  const int64_t size = 1308;
  const auto number = at::arange(size, at::kLong);
  const auto images = at::stack({number % 251, number / 251, number * 7 % 256}, 1).to(at::kByte).view({size, 1, 1, 3});
  std::vector<std::string> prompts;
  for (int64_t i = 0; i < size; ++i) prompts.push_back(std::to_string(i % 900));
  for (int64_t file = 0, first = 0; file < std::ssize(sizes); first += sizes[static_cast<size_t>(file++)]) {
    const int64_t count = sizes[static_cast<size_t>(file)];
    const auto begin = prompts.begin() + first;
    write_store(folder_ / fmt::format("r-{}.h5", file),
                {"images", nlohmann::json::object(), {begin, begin + count}, images.narrow(0, first, count)});
  }
  const StoreSet set(list("r-*.h5"));
  ASSERT_EQ(set.size(), size);
  std::mt19937_64 random(1);
  std::vector<int64_t> records(1000);
  for (int batch = 0; batch < 1000; ++batch) {
    for (auto& record : records) record = static_cast<int64_t>(random() % static_cast<uint64_t>(size));
    ASSERT_TRUE(at::equal(set.images(records), images.index_select(0, at::tensor(records))));
    for (size_t i = 0; i < 100; ++i) ASSERT_EQ(set.caption(records[i]), prompts[static_cast<size_t>(records[i])]);
  }
}

TEST_F(StoreSetTest, NamesAPatternThatMatchesNothing) {
  EXPECT_THAT(message_of<IoError>([&] { StoreSet{list("a.h5,q-*.h5")}; }), HasSubstr("q-*.h5: No such file"));
}

}  // namespace
}  // namespace fgm
