#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <optional>

#include "core/base/error.h"
#include "core/io/file.h"
#include "core/io/safetensors.h"
#include "launch/checkpoint/checkpoint.h"
#include "launch/checkpoint/checkpoints_folder.h"
#include "launch/weights/weights.h"
#include "parallel/comm/control_collectives.h"
#include "parallel/comm/mpi_communicator.h"
#include "tests/launch/coordinator/fake_job.h"
#include "tests/support/errors.h"
#include "tests/support/loaded_weights.h"
#include "tests/support/resource_limit.h"
#include "tests/support/temporary_folder.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;
using support::FakeJob;
using ::testing::HasSubstr;

class CoordinatorRanks : public ::testing::Test {
 protected:
  void SetUp() override {
    world_ = make_mpi_world();
    ASSERT_GT(world_->size(), 1) << "one rank holds everything";
    if (world_->rank() == 0) folder_ = std::make_unique<TemporaryFolder>();
    run_ = broadcast_string(*world_, folder_ ? folder_->path().string() : "");
  }
  void TearDown() override {
    world_->barrier();
    folder_.reset();
    world_->close();
  }

  // Runs `body` as a job of the first `size` ranks; the others wait.
  template <typename Body>
  void as_job_of(int size, const Body& body) {
    const auto ranks = world_->split(world_->rank() < size ? 0 : 1, 0);
    if (world_->rank() < size) body(*ranks);
    world_->barrier();
    ranks->close();
  }

  fs::path step_folder(int64_t step) const { return run_ / "checkpoints" / step_folder_name(step); }
  static std::vector<fs::path> files_in(const fs::path& folder) {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(folder)) files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    return files;
  }

  std::unique_ptr<Communicator> world_;
  std::unique_ptr<TemporaryFolder> folder_;
  fs::path run_;
  const Config config_ = support::smallest_config();
};

TEST_F(CoordinatorRanks, WhatAnyNumberOfRanksSavedAnyOtherNumberRestoresBitForBit) {
  for (int writers = 1; writers <= world_->size(); ++writers) {
    as_job_of(writers, [&](Communicator& ranks) { FakeJob(ranks, run_, config_, {}).save(writers); });
    EXPECT_EQ(files_in(step_folder(writers)).size(), static_cast<size_t>(6 * writers + 2));
    for (int readers = 1; readers <= world_->size(); ++readers) {
      as_job_of(readers, [&](Communicator& ranks) {
        FakeJob job(ranks, run_, config_, {});
        const auto restored = job.coordinator().restore("auto");
        ASSERT_TRUE(restored.has_value());
        EXPECT_EQ(restored->step, writers);
        const Manifest manifest = Checkpoint::open(step_folder(writers)).manifest();
        EXPECT_EQ(manifest.world, writers);
        EXPECT_EQ(manifest.data.position, 24 * writers);
        EXPECT_TRUE(job.holds(writers)) << writers << " ranks to " << readers;
      });
    }
  }
}

TEST_F(CoordinatorRanks, CopiesOfAShardAreWrittenOnceAndRestoredEverywhere) {
  const MeshShape mesh{world_->size() / 2, 2};
  FakeJob job(*world_, run_, config_, {.mesh = mesh});
  job.save(1);
  EXPECT_EQ(files_in(step_folder(1)).size(), static_cast<size_t>(6 * 2 + 2));
  job.fill(9);
  ASSERT_EQ(job.coordinator().restore("auto")->step, 1);
  EXPECT_TRUE(job.holds(1));
  FakeJob whole(*world_, run_, config_, {});
  ASSERT_EQ(whole.coordinator().restore("auto")->step, 1);
  EXPECT_TRUE(whole.holds(1));
}

TEST_F(CoordinatorRanks, DamageToAnyFileIsFoundAndTheCheckpointBeforeIsTaken) {
  const auto flip = [](const fs::path& file, std::string bytes) {
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    std::ofstream(file, std::ios::binary) << bytes;
  };
  const auto cut = [](const fs::path& file, const std::string& bytes) {
    std::ofstream(file, std::ios::binary) << bytes.substr(0, bytes.size() - 1);
  };
  const auto grow = [](const fs::path& file, const std::string& bytes) {
    std::ofstream(file, std::ios::binary) << bytes << '\0';
  };
  const auto remove = [](const fs::path& file, const std::string&) { fs::remove(file); };
  const std::vector<std::function<void(const fs::path&, const std::string&)>> damages = {flip, cut, grow, remove};

  as_job_of(2, [&](Communicator& ranks) {
    FakeJob job(ranks, run_, config_, {});
    job.save(1);
    job.save(2);
    const auto files = files_in(step_folder(2));
    ASSERT_EQ(files.size(), 6u * 2 + 2);
    for (const auto& file : files) {
      const std::string whole = read_file(file);
      for (size_t i = 0; i < damages.size(); ++i) {
        ranks.barrier();
        if (ranks.rank() == 0) damages[i](file, whole);
        job.fill(9);
        ranks.barrier();
        const auto restored = job.coordinator().restore("auto");
        ASSERT_TRUE(restored.has_value());
        EXPECT_EQ(restored->step, 1) << file << ", damage " << i;
        EXPECT_TRUE(job.holds(1)) << file << ", damage " << i;
      }
      ranks.barrier();
      if (ranks.rank() == 0) std::ofstream(file, std::ios::binary) << whole;
      ranks.barrier();
    }
    EXPECT_EQ(job.coordinator().restore("auto")->step, 2) << "undamaged again";
  });
}

TEST_F(CoordinatorRanks, ARankThatCannotReadNowEndsAllAndNothingIsPassedOver) {
  FakeJob job(*world_, run_, config_, {.keep = 2});
  job.save(1);
  job.save(2);
  const int last = world_->size() - 1;
  {
    std::optional<ResourceLimit> no_files;
    if (world_->rank() == last) no_files.emplace(RLIMIT_NOFILE, 0);
    try {
      job.coordinator().restore("auto");
      ADD_FAILURE() << "nothing was thrown";
    } catch (const Error& error) {
      EXPECT_EQ(error.exit_code(), kExitCrash);
      EXPECT_THAT(error.what(),
                  HasSubstr(fmt::format("rank {}: {} could not be read now", last, step_folder(2).string())));
    }
  }
  ASSERT_EQ(job.coordinator().restore("auto")->step, 2);
  EXPECT_TRUE(job.holds(2));
}

TEST_F(CoordinatorRanks, ARankThatCannotWriteFailsAllAndLeavesTheOlderStepAlone) {
  FakeJob job(*world_, run_, config_, {});
  job.save(1);
  const bool is_last = world_->rank() == world_->size() - 1;
  std::optional<ResourceLimit> full_disk;
  if (is_last) full_disk.emplace(RLIMIT_FSIZE, 1024);
  const auto message = message_of<Error>([&] { job.save(2); });
  full_disk.reset();
  EXPECT_THAT(message, HasSubstr(fmt::format("rank {}: cannot write", world_->size() - 1)));
  world_->barrier();
  EXPECT_EQ(files_in(run_ / "checkpoints"), (std::vector<fs::path>{run_ / "checkpoints" / kOwnerFile, step_folder(1)}));
  world_->barrier();
  ASSERT_EQ(job.coordinator().restore("auto")->step, 1);
  EXPECT_TRUE(job.holds(1));
}

TEST_F(CoordinatorRanks, AFullDiskOnOneRankIsDoNotRequeueOnAll) {
  try {
    throw_on_all_ranks(*world_, [&] {
      if (world_->rank() == 0) throw IoError("not writable");
      throw IoError("disk full", kExitDoNotRequeue);
    });
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), kExitDoNotRequeue);
    EXPECT_STREQ(error.what(), "rank 1: disk full");
  }
}

TEST_F(CoordinatorRanks, AllLeaveARunThatALaterStartHasTakenOver) {
  FakeJob job(*world_, run_, config_, {});
  job.save(1);
  if (world_->rank() == 0) RunOwner(run_ / "checkpoints" / kOwnerFile).take();
  EXPECT_EQ(exit_code_from([&] { job.save(2); }), kExitDoNotRequeue);
  EXPECT_FALSE(fs::exists(step_folder(2)));
}

TEST_F(CoordinatorRanks, TextsOfAnyLengthReachEveryRank) {
  const auto text_of = [](int rank) { return std::string(static_cast<size_t>(rank * 1000), static_cast<char>(rank)); };
  const auto texts = all_gather_strings(*world_, text_of(world_->rank()));
  ASSERT_EQ(std::ssize(texts), world_->size());
  for (int rank = 0; rank < world_->size(); ++rank) EXPECT_EQ(texts[static_cast<size_t>(rank)], text_of(rank));
  EXPECT_EQ(all_gather_strings(*world_, "").back(), "");
  EXPECT_EQ(broadcast_string(*world_, world_->rank() == 0 ? "from 0" : "a longer one"), "from 0");
}

TEST_F(CoordinatorRanks, ShardsOpenAsOneModelAndOneOfThemAloneDoesNot) {
  FakeJob(*world_, run_, config_, {}).save(3);
  for (const fs::path& path : {run_, step_folder(3)}) {
    const WeightsPlace place = verify_weights(find_weights(path, {"student_ema", "student"}, *world_), *world_);
    EXPECT_EQ(place.path, step_folder(3));
    EXPECT_EQ(place.role, "student_ema");
  }
  const auto loaded = support::load_weights(run_, {"student"});
  EXPECT_EQ(loaded.info.step, 3);
  visit_parameters(*loaded.model, [&](const std::string& name, at::Tensor& tensor) {
    EXPECT_TRUE(at::equal(tensor, support::FakeEngine::values_of("", name, tensor.sizes().vec(), 3))) << name;
  });
  loaded.model->visit_buffers(
      [](const std::string& name, at::Tensor& tensor) { EXPECT_TRUE(tensor.eq(3.0).all().item<bool>()) << name; });
  const auto shard = step_folder(3) / shard_file_name("student", 0, world_->size());
  EXPECT_THAT(message_of<ConfigError>([&] { support::load_weights(shard, {}); }),
              HasSubstr(fmt::format("this is shard 0 of {}; give its folder", world_->size())));
}

TEST_F(CoordinatorRanks, AnAnswerThatOnlyRank0CanGiveReachesAllAndSoDoesItsError) {
  EXPECT_THAT(message_of<Error>([&] { find_weights(run_ / "nowhere", {"student"}, *world_); }), HasSubstr("no such"));
  FakeJob(*world_, run_, config_, {}).save(1);
  FakeJob job(*world_, run_, config_, {});
  EXPECT_THAT(message_of<Error>([&] { job.coordinator().restore("never"); }), HasSubstr("already holds checkpoints"));
}

}  // namespace
}  // namespace fgm
