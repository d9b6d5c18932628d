#include "data/pipeline/store_bench.h"

#include <gmock/gmock.h>

#include <chrono>

#include "core/base/error.h"
#include "data/store/store.h"
#include "tests/data/store/embedding_fixture.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"

namespace fgm {
namespace {

TEST(StoreBench, EveryWayReadsRecordsOfItsOwnInBothPasses) {
  const TemporaryFolder folder;
  write_store(folder / "a.h5", {"images", nlohmann::json::object(), std::vector<std::string>(70, "p"),
                                at::zeros({70, 4, 4, 3}, at::kByte)});
  const auto bench = bench_store(folder / "a.h5", 60);
  EXPECT_EQ(bench.kind, "images");
  EXPECT_EQ(bench.record_bytes, 48u);
  EXPECT_EQ(bench.records, 60);
  for (const auto& pass : bench.passes) {
    // Turns of 16, 16, 16 and what is left of 60.
    EXPECT_EQ(pass[0].records, 28);
    EXPECT_EQ(pass[1].records, 16);
    EXPECT_EQ(pass[2].records, 16);
  }
  EXPECT_DOUBLE_EQ(bench.mb_per_s({.records = 1'000'000, .seconds = 2}), 24.0);
}

TEST(StoreBench, ReadsRecordsOfEmbeddings) {
  const TemporaryFolder folder;
  const auto contents = embeddings_of({"a", "b", "c", ""});
  write_embeddings(folder / "a.h5", contents);
  const auto bench = bench_store(folder / "a.h5", 1000);
  EXPECT_EQ(bench.kind, "embeddings");
  EXPECT_EQ(bench.records, 4);
  EXPECT_GT(bench.record_bytes, 0u);
}

TEST(StoreBench, AConsumerTakesNoMoreRecordsThanItsSecondsBring) {
  const TemporaryFolder folder;
  write_embeddings(folder / "a.h5", embeddings_of({"a", "b", "c", ""}));
  const auto start = std::chrono::steady_clock::now();
  const double share = waiting_share(folder / "a.h5", /*records_per_s=*/1000, /*records=*/150);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  EXPECT_GE(seconds.count(), 0.2) << "two batches of 100 at 1000 a second";
  EXPECT_GE(share, 0.0);
  EXPECT_LT(share, 1.0);
}

TEST(StoreBench, RefusesCaptionsAndTooFewRecords) {
  const TemporaryFolder folder;
  write_store(folder / "c.h5", {"captions", nlohmann::json::object(), {"a", "b", "c"}, {}});
  write_store(folder / "two.h5", {"images", nlohmann::json::object(), {"a", "b"}, at::zeros({2, 4, 4, 3}, at::kByte)});
  EXPECT_THAT(message_of<ConfigError>([&] { bench_store(folder / "c.h5", 9); }),
              testing::HasSubstr("c.h5' is a store of captions; give one of images, pairs or embeddings"));
  EXPECT_THAT(message_of<ConfigError>([&] { bench_store(folder / "two.h5", 9); }), testing::HasSubstr("has 2 records"));
}

}  // namespace
}  // namespace fgm
