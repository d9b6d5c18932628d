#include "data/store/embedding_writer.h"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "core/base/error.h"
#include "data/hdf5/h5_file.h"
#include "data/store/verify_store.h"
#include "tests/data/store/embedding_fixture.h"
#include "tests/support/errors.h"
#include "tests/support/resource_limit.h"
#include "tests/support/temporary_folder.h"

namespace fgm {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::vector<std::string> kFour = {"a", "b", "c", ""};

TEST(EmbeddingWriter, WhatWasKilledGoesOnWithTheRecordsThatAreNotDone) {
  const TemporaryFolder folder;
  const auto out = folder / "a.h5";
  EmbeddingWriter::prepare(out, embeddings_of(kFour));
  write_records(EmbeddingWriter(out), {1, 3});
  EXPECT_FALSE(std::filesystem::exists(out));
  EXPECT_THAT(message_of<IoError>([&] { EmbeddingWriter::finish(out); }), HasSubstr("2 of 4 records"));
  EXPECT_THAT(message_of<IoError>([&] { EmbeddingStore(EmbeddingWriter::partial_of(out)); }),
              HasSubstr("2 of 4 records"));
  EXPECT_EQ(read_embedding_info(EmbeddingWriter::partial_of(out)).num_done, 2);

  EmbeddingWriter::prepare(out, embeddings_of(kFour));
  const EmbeddingWriter writer(out);
  EXPECT_THAT(writer.remaining(0, 4), ElementsAre(0, 2));
  EXPECT_THAT(writer.remaining(1, 3), ElementsAre(2));
  write_records(writer, {0, 2});
  EmbeddingWriter::finish(out);
  EXPECT_FALSE(std::filesystem::exists(EmbeddingWriter::partial_of(out)));
  write_embeddings(folder / "whole.h5", embeddings_of(kFour));
  EXPECT_EQ(EmbeddingStore(out).digest(), EmbeddingStore(folder / "whole.h5").digest());
}

TEST(EmbeddingWriter, ARecordWhoseBytesAreLostIsWrittenAgain) {
  const TemporaryFolder folder;
  const auto out = folder / "a.h5", partial = EmbeddingWriter::partial_of(out);
  EmbeddingWriter::prepare(out, embeddings_of(kFour));
  const EmbeddingWriter writer(out);
  write_records(writer, {0, 1, 2, 3});
  EXPECT_THAT(writer.remaining(0, 4), IsEmpty());
  const auto pooled = H5File::open_read_only(partial).extent("text/pooled", H5Element::kFloat32);
  change_byte(partial, pooled.offset + 2 * pooled.bytes / 4);
  EXPECT_THAT(writer.remaining(0, 4), ElementsAre(2));
}

TEST(EmbeddingWriter, ProcessesAndThreadsWriteRecordsOfTheirOwn) {
  const TemporaryFolder folder;
  const auto out = folder / "a.h5";
  std::vector<std::string> prompts = {""};
  for (int i = 1; i < 60; ++i) prompts.push_back(fmt::format("{}", i));
  EmbeddingWriter::prepare(out, embeddings_of(prompts));
  const pid_t child = ::fork();
  if (child == 0) {  // the first 30, one by one
    try {
      const EmbeddingWriter writer(out);
      write_records(writer, writer.remaining(0, 30));
      ::_exit(0);
    } catch (const std::exception&) {
      ::_exit(1);
    }
  }
  {
    const EmbeddingWriter writer(out);
    std::vector<std::jthread> threads;
    for (int64_t t = 0; t < 3; ++t) {
      threads.emplace_back([&, t] { write_records(writer, writer.remaining(30 + 10 * t, 40 + 10 * t)); });
    }
  }
  int status = 1;
  ::waitpid(child, &status, 0);
  ASSERT_EQ(status, 0);
  EmbeddingWriter::finish(out);
  write_embeddings(folder / "alone.h5", embeddings_of(prompts));
  EXPECT_EQ(EmbeddingStore(out).digest(), EmbeddingStore(folder / "alone.h5").digest());
  EXPECT_THAT(verify_store(out, 1).problems, testing::IsEmpty());
}

TEST(EmbeddingWriter, DoesNotGoOnWithAFileOfOtherEmbeddings) {
  const TemporaryFolder folder;
  const auto out = folder / "a.h5";
  EmbeddingWriter::prepare(out, embeddings_of(kFour));
  const auto refusal = [&](const EmbeddingHeader& other) {
    return message_of<ConfigError>([&] { EmbeddingWriter::prepare(out, other); });
  };
  EXPECT_THAT(refusal(embeddings_of({"a", "b", "d", ""})), AllOf(HasSubstr("a.h5.partial"), HasSubstr("(prompts)")));
  EXPECT_THAT(refusal(embeddings_of({"a", ""})), HasSubstr("(prompts)"));
  EXPECT_THAT(refusal(embeddings_of(kFour, at::kHalf)), HasSubstr("(dtype)"));
  auto wide = embeddings_of(kFour);
  ++wide.shape.pooled_width;
  EXPECT_THAT(refusal(wide), HasSubstr("(sizes)"));
  auto other = embeddings_of(kFour);
  other.provenance["encoders"] = "others";
  EXPECT_THAT(refusal(other), HasSubstr("(/encoders is \"tiny\", now \"others\")"));
}

TEST(EmbeddingWriter, AFullDiskIsOneErrorAndTheRecordIsNotDone) {
  const TemporaryFolder folder;
  const auto out = folder / "a.h5";
  {
    const ResourceLimit full_disk(RLIMIT_FSIZE, 1'000);
    EXPECT_THAT(message_of<IoError>([&] { EmbeddingWriter::prepare(out, embeddings_of(kFour)); }),
                AllOf(HasSubstr("a.h5"), HasSubstr("File too large")));
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path())) << "a half-made file was left behind";
  EmbeddingWriter::prepare(out, embeddings_of(kFour));
  const EmbeddingWriter writer(out);
  {
    const ResourceLimit full_disk(RLIMIT_FSIZE, 100);
    const auto write = [&] { write_records(writer, {0}); };
    EXPECT_THAT(message_of<IoError>(write), AllOf(HasSubstr("a.h5.partial"), HasSubstr("File too large")));
    EXPECT_EQ(exit_code_from(write), kExitDoNotRequeue);
  }
  EXPECT_EQ(writer.remaining(0, 4).size(), 4u);
}

TEST(EmbeddingWriter, RefusesValuesThatTheTypeCannotHold) {
  const TemporaryFolder folder;
  const auto out = folder / "a.h5";
  EmbeddingWriter::prepare(out, embeddings_of(kFour, at::kHalf));
  auto rows = rows_of_records(0, 1);
  rows.t5[0][1][2] = 1e6;
  const EmbeddingWriter writer(out);
  const int64_t record = 0;
  EXPECT_THAT(message_of<DoNotRequeueError>([&] {
                writer.write({&record, 1}, rows);
              }),
              HasSubstr("not finite in Half"));
  EXPECT_EQ(writer.remaining(0, 4).size(), 4u);
}

TEST(EmbeddingWriter, ReplacesAnOlderFileOnlyWhenFinished) {
  const TemporaryFolder folder;
  const auto out = folder / "a.h5";
  write_embeddings(out, embeddings_of({""}));
  EmbeddingWriter::prepare(out, embeddings_of(kFour));
  EXPECT_EQ(EmbeddingStore(out).info().size, 1);
  write_records(EmbeddingWriter(out), {0, 1, 2, 3});
  EmbeddingWriter::finish(out);
  EXPECT_EQ(EmbeddingStore(out).info().size, 4);
}

}  // namespace
}  // namespace fgm
