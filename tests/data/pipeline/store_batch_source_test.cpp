#include "data/pipeline/store_batch_source.h"

#include <gmock/gmock.h>

#include <map>
#include <set>

#include "core/base/caption_noise.h"
#include "core/base/error.h"
#include "data/store/store_writer.h"
#include "data/text/hashed_word_encoder.h"
#include "tests/data/store/latent_fixture.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"

namespace fgm {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kRecords = 10;

// Record i has the prompt "thing<i>" and an image whose every value is 25 i.
class StoreBatchSourceTest : public ::testing::Test {
 protected:
  StoreBatchSourceTest() {
    StoreContents contents{"images", nlohmann::json::object(), {}, at::empty({kRecords, 4, 3, 3}, at::kByte)};
    for (int64_t i = 0; i < kRecords; ++i) {
      contents.prompts.push_back("thing" + std::to_string(i));
      contents.images_NHWC[i].fill_(25 * i);
    }
    write_store(folder_ / "a.h5", contents);
    store_ = std::make_shared<StoreSet>((folder_ / "a.h5").string());
    encoder_ = std::make_shared<HashedWordEncoder>(TextConfig{});
  }

  TemporaryFolder folder_;
  std::shared_ptr<const StoreSet> store_;
  std::shared_ptr<const TextEncoder> encoder_;
};

TEST_F(StoreBatchSourceTest, ImagePromptAndConditionOfARowBelongTogether) {
  const auto batch = StoreBatchSource(store_, encoder_, {.global_batch = 6}).next();
  ASSERT_EQ(batch.images.sizes(), (std::vector<int64_t>{6, 3, 4, 3}));
  for (int64_t row = 0; row < 6; ++row) {
    const auto& prompt = batch.prompts[static_cast<size_t>(row)];
    const float expected = static_cast<float>(25 * std::stoi(prompt.substr(5))) / 127.5f - 1.0f;
    EXPECT_TRUE(at::all(batch.images[row] == expected).item<bool>()) << prompt;
    EXPECT_TRUE(at::equal(batch.condition.context_BLJ[row], encoder_->encode({&prompt, 1}).context_BLJ[0]));
  }
}

TEST_F(StoreBatchSourceTest, AnEpochShowsEveryRecordOnce) {
  StoreBatchSource batches(store_, encoder_, {.global_batch = 5});
  std::multiset<std::string> seen;
  for (int i = 0; i < 2; ++i) {
    for (const auto& prompt : batches.next().prompts) seen.insert(prompt);
  }
  EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()).size(), seen.size());
}

TEST_F(StoreBatchSourceTest, RanksTogetherReadTheBatchOfOneRankEvenWhenTheSplitIsUneven) {
  const int64_t world = 3, batch_index = 4;
  StoreBatchSource whole(store_, encoder_, {.global_batch = 7});
  whole.seek(batch_index);
  const auto expected = whole.next();
  std::vector<at::Tensor> images;
  std::vector<std::string> prompts;
  for (int64_t rank = 0; rank < world; ++rank) {
    StoreBatchSource part(store_, encoder_, {.global_batch = 7, .rank = rank, .world = world});
    part.seek(batch_index);
    const auto batch = part.next();
    EXPECT_EQ(batch.first_sample, batch_index * 7 + static_cast<int64_t>(prompts.size()));
    EXPECT_EQ(batch.global_batch, 7);
    images.push_back(batch.images);
    prompts.insert(prompts.end(), batch.prompts.begin(), batch.prompts.end());
  }
  EXPECT_EQ(prompts, expected.prompts);
  EXPECT_TRUE(at::equal(at::cat(images), expected.images));
}

TEST_F(StoreBatchSourceTest, ABatchIsTheSameWhateverWasReadBefore) {
  StoreBatchSource straight(store_, encoder_, {.global_batch = 4}), jumping(store_, encoder_, {.global_batch = 4});
  for (int i = 0; i < 5; ++i) straight.next();
  jumping.next();
  jumping.seek(5);
  EXPECT_EQ(straight.next().prompts, jumping.next().prompts);
}

TEST_F(StoreBatchSourceTest, CaptionsOnlyLeavesImagesUndefined) {
  StoreBatchSource batches(store_, encoder_, {.global_batch = 4, .needs_images = false});
  const auto batch = batches.next();
  EXPECT_FALSE(batch.images.defined());
  EXPECT_EQ(batch.condition.batch(), 4);
}

TEST_F(StoreBatchSourceTest, APairsCaptionNoiseAndSampleBelongTogether) {
  StoreContents contents{
      .kind = "pairs", .provenance = nlohmann::json::object(), .prompts = store_->first(kRecords), .noise_seed = 4};
  StoreWriter writer(folder_ / "pairs.h5", contents, {3, 4, 2});
  writer.append(at::arange(kRecords, at::kHalf).view({-1, 1, 1, 1}).expand({-1, 3, 4, 2}));
  writer.commit();
  store_ = std::make_shared<StoreSet>((folder_ / "pairs.h5").string());
  const auto batch =
      StoreBatchSource(store_, encoder_, {.global_batch = 6, .needs_images = false, .needs_pairs = true}).next();
  for (int64_t row = 0; row < 6; ++row) {
    const auto& prompt = batch.prompts[static_cast<size_t>(row)];
    EXPECT_TRUE(at::all(batch.images[row] == std::stof(prompt.substr(5))).item<bool>()) << prompt;
    EXPECT_TRUE(at::equal(batch.noise[row], CaptionNoise(4, CaptionNoise::kPairs).draw(prompt, 0, {3, 4, 2})[0]));
  }
}

// A share of 1 in 4 has the prompts "rare", and images that are as large as the others.
TEST_F(StoreBatchSourceTest, FilesOfAMixtureAreReadAtTheirWeights) {
  write_store(folder_ / "rare.h5",
              {"images", nlohmann::json::object(), {"rare", "rare"}, at::full({2, 4, 3, 3}, 255, at::kByte)});
  const auto mixture =
      std::make_shared<const StoreSet>((folder_ / "a.h5").string() + ", " + (folder_ / "rare.h5").string() + ":0.25");
  std::map<std::string, int64_t> num_seen;
  StoreBatchSource batches(mixture, encoder_, {.global_batch = 8});
  for (int i = 0; i < 5; ++i) {
    const auto batch = batches.next();
    for (int64_t row = 0; row < 8; ++row) {
      const auto& prompt = batch.prompts[static_cast<size_t>(row)];
      ++num_seen[prompt];
      EXPECT_EQ(at::all(batch.images[row] == 1.0f).item<bool>(), prompt == "rare");
    }
  }
  EXPECT_EQ(num_seen.at("rare"), 10);
  ASSERT_EQ(num_seen.size(), 11u);
  for (const auto& [prompt, count] : num_seen) EXPECT_EQ(count, prompt == "rare" ? 10 : 3) << prompt;
}

// World w reads batches 3 (w - 1) to 3 w - 1, which begin and end within epochs of the 10 records.
TEST_F(StoreBatchSourceTest, ARunThatResumesOnOneToEightRanksSeesTheSamplesOfOneThatNeverStopped) {
  constexpr int64_t kBatch = 8, kStop = 3;
  const auto a = (folder_ / "a.h5").string(), rare = (folder_ / "rare.h5").string();
  write_store(rare, {"images", nlohmann::json::object(), {"rare", "rare"}, at::full({2, 4, 3, 3}, 255, at::kByte)});
  for (const auto& list : {a, a + ", " + rare + ":0.25"}) {
    const auto stores = std::make_shared<const StoreSet>(list);
    StoreBatchSource straight(stores, encoder_, {.global_batch = kBatch});
    std::vector<std::string> seen;
    for (int64_t world = 1; world <= 8; ++world) {
      std::vector<std::unique_ptr<StoreBatchSource>> sources;
      for (int64_t rank = 0; rank < world; ++rank) {
        sources.push_back(std::make_unique<StoreBatchSource>(
            stores, encoder_, BatchSourceOptions{.global_batch = kBatch, .rank = rank, .world = world}));
        sources.back()->seek((world - 1) * kStop);
      }
      for (int64_t i = 0; i < kStop; ++i) {
        const auto expected = straight.next();
        std::vector<std::string> prompts;
        std::vector<at::Tensor> images;
        for (const auto& source : sources) {
          const auto batch = source->next();
          prompts.insert(prompts.end(), batch.prompts.begin(), batch.prompts.end());
          images.push_back(batch.images);
        }
        ASSERT_EQ(prompts, expected.prompts) << list << " on " << world;
        ASSERT_TRUE(at::equal(at::cat(images), expected.images));
        seen.insert(seen.end(), prompts.begin(), prompts.end());
      }
    }
    std::erase(seen, "rare");
    ASSERT_EQ(std::ssize(seen), list == a ? 192 : 144);
    for (auto epoch = seen.begin(); seen.end() - epoch >= kRecords; epoch += kRecords) {
      EXPECT_EQ(std::set<std::string>(epoch, epoch + kRecords).size(), size_t{kRecords});
    }
  }
}

TEST_F(StoreBatchSourceTest, RejectsFilesOfOtherSizesAndKindsThanTheFirst) {
  write_store(folder_ / "b.h5", {"images", nlohmann::json::object(), {"x"}, at::zeros({1, 4, 4, 3}, at::kByte)});
  write_store(folder_ / "c.h5", {"captions", nlohmann::json::object(), {"x"}, {}});
  const auto refusal = [&](const std::string& other) {
    const StoreSet stores((folder_ / "a.h5").string() + "," + (folder_ / other).string());
    EXPECT_NO_THROW(check_batches(stores, {.needs_images = false}));
    return message_of<ConfigError>([&] { check_batches(stores, {}); });
  };
  EXPECT_THAT(refusal("b.h5"), HasSubstr("b.h5' holds images of 4 x 4 x 3, and '"));
  EXPECT_THAT(refusal("c.h5"), HasSubstr("c.h5' holds captions only"));
}

TEST_F(StoreBatchSourceTest, RejectsImagesWherePairsAreNeeded) {
  const BatchSourceOptions options{.needs_images = false, .needs_pairs = true};
  EXPECT_THAT(message_of<ConfigError>([&] { StoreBatchSource(store_, encoder_, options); }),
              HasSubstr("a.h5' is a store of images, regression needs pairs"));
}

TEST_F(StoreBatchSourceTest, LatentsOfABatchHaveOneSizeAndArePartOfTheSameBatchOnEveryNumberOfRanks) {
  auto info = small_latents();
  info.buckets = {{4, 6, 12}, {8, 2, 8}};
  std::vector<std::string> prompts;
  for (int64_t i = 0; i < info.size(); ++i) prompts.push_back(std::to_string(i));
  write_latents(folder_ / "l.h5", info, prompts);
  const auto store = std::make_shared<const StoreSet>((folder_ / "l.h5").string());
  const RandomStream noise(/*seed=*/1, "data.latents");
  for (int64_t world = 1; world <= 4; ++world) {
    std::set<std::string> seen;
    for (int64_t batch = 0; batch < 5; ++batch) {  // an epoch
      for (int64_t rank = 0; rank < world; ++rank) {
        StoreBatchSource source(store, encoder_, {.global_batch = 4, .rank = rank, .world = world});
        source.seek(batch);
        const auto part = source.next();
        const auto rows = rank_rows(4, rank, world);
        ASSERT_EQ(part.first_sample, 4 * batch + rows.begin);
        ASSERT_EQ(part.images.size(0), rows.size());
        const auto shape = part.images.sizes().slice(1);
        for (int64_t row = 0; row < rows.size(); ++row) {
          const auto& prompt = part.prompts[static_cast<size_t>(row)];
          seen.insert(prompt);
          const auto moments = latent_row(info, std::stoi(prompt)).chunk(2);
          ASSERT_EQ(moments[0].sizes(), shape);
          const auto eps = noise.normal(0, part.first_sample + row, 1, shape)[0];
          const auto expected = (moments[0] + at::exp(0.5 * moments[1]) * eps - 0.25) * 2.0;
          EXPECT_TRUE(at::allclose(part.images[row], expected, 1e-5, 1e-5)) << prompt;
        }
      }
    }
    EXPECT_EQ(std::ssize(seen), info.size()) << "each once";
  }
}

TEST_F(StoreBatchSourceTest, LatentsThatAreNotNeededLeaveTheOrderOfCaptionsAlone) {
  write_latents(folder_ / "l.h5", small_latents());
  const auto store = std::make_shared<const StoreSet>((folder_ / "l.h5").string());
  StoreBatchSource source(store, encoder_, {.global_batch = 5, .needs_images = false});
  const auto batch = source.next();
  EXPECT_FALSE(batch.images.defined());
  const EpochShuffle shuffle(5, 1);
  for (int64_t row = 0; row < 5; ++row) {
    EXPECT_EQ(batch.prompts[static_cast<size_t>(row)], kLatentPrompts[static_cast<size_t>(shuffle.index_of(row))]);
  }
}

TEST_F(StoreBatchSourceTest, AListGivesTheBatchesOfAStoreWithItsCaptions) {
  const BatchSourceOptions options{.global_batch = 4, .needs_images = false};
  StoreBatchSource of_store(store_, encoder_, options);
  StoreBatchSource of_list(std::make_shared<const CaptionList>(store_->first(kRecords)), encoder_, options);
  for (int i = 0; i < 6; ++i) EXPECT_EQ(of_list.next().prompts, of_store.next().prompts);
}

TEST_F(StoreBatchSourceTest, RejectsACaptionsOnlyStoreWhereImagesAreNeeded) {
  write_store(folder_ / "captions.h5", {"captions", nlohmann::json::object(), {"a hat"}, {}});
  store_ = std::make_shared<StoreSet>((folder_ / "captions.h5").string());
  const auto message = message_of<ConfigError>([&] { StoreBatchSource(store_, encoder_, {}); });
  EXPECT_THAT(message, HasSubstr("captions.h5' holds captions only"));
  EXPECT_NO_THROW(StoreBatchSource(store_, encoder_, {.needs_images = false}));
}

TEST_F(StoreBatchSourceTest, RejectsABatchThatLeavesARankWithoutRows) {
  EXPECT_THAT(message_of<ConfigError>([&] { StoreBatchSource(store_, encoder_, {.global_batch = 2, .world = 3}); }),
              HasSubstr("a batch of 2"));
}

TEST_F(StoreBatchSourceTest, ACaptionThatCannotBeEncodedIsThrownByNext) {
  encoder_ = std::make_shared<HashedWordEncoder>(TextConfig{.num_tokens = 1});
  write_store(folder_ / "long.h5", {"captions", nlohmann::json::object(), {"two words"}, {}});
  store_ = std::make_shared<StoreSet>((folder_ / "long.h5").string());
  StoreBatchSource batches(store_, encoder_, {.needs_images = false});
  EXPECT_THAT(message_of<ConfigError>([&] { batches.next(); }), HasSubstr("text.num_tokens"));
}

TEST_F(StoreBatchSourceTest, NullConditionIsTheEmptyCaption) {
  StoreBatchSource batches(store_, encoder_, {});
  EXPECT_EQ(batches.null_condition().batch(), 1);
  EXPECT_EQ(batches.null_condition().pooled_BP.abs().max().item<float>(), 0.0f);
}

TEST(ToModelRange, MapsBytesToMinusOneAndOneChannelsFirst) {
  const auto pixels = at::tensor({0, 255, 51, 204, 102, 0}, at::kByte).view({1, 1, 2, 3});
  const auto expected = at::tensor({-1.0f, 0.6f, 1.0f, -0.2f, -0.6f, -1.0f}).view({1, 3, 1, 2});
  EXPECT_TRUE(at::allclose(to_model_range(pixels), expected, 0, 1e-6));
}

}  // namespace
}  // namespace fgm
