// Batches of stores that are damaged, or away for a while.
#include <gmock/gmock.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "data/pipeline/store_batch_source.h"
#include "data/store/embedding_store.h"
#include "data/text/hashed_word_encoder.h"
#include "tests/data/store/embedding_fixture.h"
#include "tests/data/store/latent_fixture.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"

namespace fgm {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// Changes a byte of the record that begins with `values`, float32.
void damage(const std::filesystem::path& path, const at::Tensor& values) {
  const std::string bytes(static_cast<const char*>(values.const_data_ptr()), values.nbytes());
  const size_t place = bytes_of_file(path).find(bytes);
  ASSERT_NE(place, std::string::npos);
  change_byte(path, place + 1);
}

// Of 12 wide latents and 8 tall ones, 5, 6 and the last are damaged.
class DamagedLatents : public ::testing::Test {
 protected:
  DamagedLatents() {
    write("damaged.h5", [](int64_t record) { return record; });
    write("replaced.h5", [](int64_t record) { return record == 5 || record == 6 ? 7 : record == 19 ? 12 : record; });
    for (const int64_t record : {5, 6, 19}) damage(folder_ / "damaged.h5", latent_row(info_, record));
  }

  // A store whose record i is latent `number_of(i)`, and that number is its caption.
  void write(const std::string& name, const std::function<int64_t(int64_t)>& number_of) {
    std::vector<std::string> captions;
    for (int64_t i = 0; i < info_.size(); ++i) captions.push_back(std::to_string(number_of(i)));
    LatentWriter::prepare(folder_ / name, info_, captions);
    const LatentWriter writer(folder_ / name);
    for (const int64_t record : writer.remaining(0, info_.size())) {
      const auto row = latent_row(info_, number_of(record));
      writer.write({&record, 1}, {&row, 1});
    }
    LatentWriter::finish(folder_ / name);
  }

  std::unique_ptr<StoreBatchSource> source(const std::string& name, const BatchSourceOptions& options) {
    return std::make_unique<StoreBatchSource>(std::make_shared<const StoreSet>((folder_ / name).string()),
                                              std::make_shared<HashedWordEncoder>(TextConfig{}), options);
  }

  TemporaryFolder folder_;
  LatentInfo info_ = [] {
    auto info = small_latents();
    info.buckets = {{4, 6, 12}, {8, 2, 8}};
    return info;
  }();
};

TEST_F(DamagedLatents, GiveTheirRowToTheNextOfTheirSizeOnAnyNumberOfRanks) {
  const auto expected = source("replaced.h5", {.global_batch = 4});
  for (int64_t batch = 0; batch < 10; ++batch) {  // two epochs
    const auto whole = expected->next();
    for (int64_t world = 1; world <= 4; ++world) {
      std::vector<at::Tensor> images;
      std::vector<std::string> captions;
      for (int64_t rank = 0; rank < world; ++rank) {
        const auto part = source("damaged.h5", {.global_batch = 4, .rank = rank, .world = world, .max_bad = 3});
        part->seek(batch);
        const auto rows = part->next();
        images.push_back(rows.images);
        captions.insert(captions.end(), rows.prompts.begin(), rows.prompts.end());
      }
      ASSERT_EQ(captions, whole.prompts) << batch << " on " << world;
      ASSERT_TRUE(at::equal(at::cat(images), whole.images)) << batch << " on " << world;
    }
  }
}

TEST_F(DamagedLatents, AreEachCountedOnceAndNamedInTheErrorThatIsOneTooMany) {
  const auto read_epochs = [&](int64_t num_epochs, int64_t max_bad) {
    const auto batches = source("damaged.h5", {.global_batch = 4, .max_bad = max_bad});
    for (int64_t batch = 0; batch < 5 * num_epochs; ++batch) batches->next();
    return batches->damaged().take_new().size();
  };
  EXPECT_EQ(read_epochs(3, 3), 3u);
  EXPECT_THAT(message_of<DamageError>([&] { read_epochs(1, 2); }),
              AllOf(HasSubstr("damaged.h5': record "), HasSubstr("fails its check-sum"),
                    HasSubstr("(damaged records so far: 3; data.max_bad = 2")));
  EXPECT_THAT(message_of<DamageError>([&] { read_epochs(1, 0); }), HasSubstr("(damaged records so far: 1; "));
}

TEST_F(DamagedLatents, ThatAnotherRankHasMetCountHere) {
  const auto batches = source("damaged.h5", {.global_batch = 4, .max_bad = 1});
  batches->damaged().learn("'elsewhere.h5': record 1 fails");
  EXPECT_THAT(message_of<DamageError>([&] {
                for (int64_t batch = 0; batch < 5; ++batch) batches->next();
              }),
              HasSubstr("(damaged records so far: 2; data.max_bad = 1"));
}

TEST_F(DamagedLatents, AreAnErrorWhereNoneIsWhole) {
  for (int64_t record = 12; record < 19; ++record) damage(folder_ / "damaged.h5", latent_row(info_, record));
  const auto batches = source("damaged.h5", {.global_batch = 4, .max_bad = 100});
  EXPECT_THAT(message_of<DamageError>([&] {
                for (int64_t batch = 0; batch < 5; ++batch) batches->next();
              }),
              HasSubstr("records 12 to 19 are all damaged"));
}

TEST(DamagedEmbedding, GivesItsRowToTheNextCaptionOfItsFile) {
  const TemporaryFolder folder;
  write_embeddings(folder / "text.h5", embeddings_of({"", "a", "b", "c", "d"}));
  damage(folder / "text.h5", rows_of_records(2, 1).clip);
  write_store(folder / "1.h5", {"captions", nlohmann::json::object(), {"a", "b"}, {}});
  write_store(folder / "2.h5", {"captions", nlohmann::json::object(), {"c", "d"}, {}});
  std::vector<EmbeddingStore> stores;
  stores.emplace_back(folder / "text.h5");
  const auto encoder = std::make_shared<const StoredTextEncoder>(std::move(stores));
  const auto captions = std::make_shared<const StoreSet>((folder / "1.h5").string() + "," + (folder / "2.h5").string());
  const BatchSourceOptions options{.global_batch = 4, .needs_images = false, .max_bad = 1};
  const auto batch = StoreBatchSource(captions, encoder, options).next();
  EXPECT_THAT(batch.prompts, ::testing::UnorderedElementsAre("a", "a", "c", "d"));
  const auto expected = encoder->encode(batch.prompts);
  EXPECT_TRUE(at::equal(batch.condition.context_BLJ, expected.context_BLJ));
  EXPECT_TRUE(at::equal(batch.condition.pooled_BP, expected.pooled_BP));
}

// Fails as a disk does, for the first `num_failures` calls.
class FailingEncoder : public TextEncoder {
 public:
  explicit FailingEncoder(int num_failures) : num_failures_(num_failures) {}
  Conditioning encode(std::span<const std::string> captions) const override {
    if (num_failures_-- > 0) throw IoError("'a.h5': reading failed", std::make_error_code(std::errc::io_error));
    return HashedWordEncoder(TextConfig{}).encode(captions);
  }

 private:
  mutable int num_failures_;
};

TEST(PatientBatches, ComeWhenTheFileSystemIsBack) {
  const auto captions = std::make_shared<const CaptionList>(std::vector<std::string>{"a", "b", "c"});
  int64_t waited = 0;
  const auto wait = [&](std::chrono::milliseconds time) {
    EXPECT_LE(time.count(), 100) << "it is asked often whether the run is to stop";
    waited += time.count();
    return true;
  };
  BatchSourceOptions options{.global_batch = 2, .needs_images = false, .wait = wait};
  StoreBatchSource failing(captions, std::make_shared<FailingEncoder>(3), options);
  const auto batch = failing.next();
  EXPECT_EQ(waited, 700);
  StoreBatchSource whole(captions, std::make_shared<FailingEncoder>(0), options);
  EXPECT_EQ(batch.prompts, whole.next().prompts);
  StoreBatchSource null(captions, std::make_shared<FailingEncoder>(1), options);
  EXPECT_EQ(null.null_condition().batch(), 1);

  options.wait = [](std::chrono::milliseconds) { return false; };
  StoreBatchSource stopped(captions, std::make_shared<FailingEncoder>(1), options);
  EXPECT_THAT(message_of<IoError>([&] { stopped.next(); }), HasSubstr("stopped by a signal"));
}

}  // namespace
}  // namespace fgm
