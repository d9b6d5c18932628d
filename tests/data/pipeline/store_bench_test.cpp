#include "data/pipeline/store_bench.h"

#include <gmock/gmock.h>

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
