// The reports on checkpoints that launch/coordinator wrote, as a run of 1 to 4 ranks leaves them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "launch/coordinator/shard_files.h"
#include "launch/inspect/reports.h"
#include "launch/weights/weights_place.h"
#include "parallel/comm/self_communicator.h"
#include "tests/launch/checkpoint/checkpoint_fixture.h"
#include "tests/launch/coordinator/fake_job.h"
#include "tests/support/errors.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;
using fgm::support::FakeEngine;
using ::testing::HasSubstr;

class CoordinatorCheckpoint : public CheckpointTest {
 protected:
  // What `num_ranks` ranks write when they save together.
  fs::path save_on_ranks(int num_ranks) const {
    const auto folder = step_folder(num_ranks);
    fs::create_directories(folder);
    Manifest manifest = some_manifest(num_ranks, num_ranks);
    manifest.config = to_ini(support::smallest_config());
    const WeightsInfo info{
        .role = "", .step = num_ranks, .sample_shape = {3, 6, 6}, .config = support::smallest_config()};
    for (int rank = 0; rank < num_ranks; ++rank) {
      FakeEngine student(support::smallest_model(), rank, num_ranks);
      student.fill(5);
      const StateSnapshot snapshot = take_snapshot(manifest, {{"student", &student}}, {0, rank}, info);
      add_shards(write_shards(folder, snapshot.files), manifest);
    }
    write_file(folder / kManifestFile, to_json(manifest));
    write_file(folder / kCommitFile, commit_text(to_json(manifest), manifest.nonce));
    return folder;
  }
};

TEST_F(CoordinatorCheckpoint, OfARunIsWellAndSaysWhereTheRunStands) {
  const auto control = make_self_communicator(at::kCPU);
  support::FakeJob job(*control, folder_, support::smallest_config(), {});
  job.save(100);
  job.save(200);
  const auto run = report_run(folder_);
  EXPECT_TRUE(run.is_well);
  EXPECT_EQ(run.json["checkpoints"].size(), 2);
  EXPECT_EQ(run.json["newest"]["state"]["step"], 200);
  EXPECT_EQ(run.json["newest"]["state"]["data"]["position"], 200 * 24);
  EXPECT_TRUE(report_verification(folder_).is_well);
  const Json difference = report_difference(folder_, step_folder(100)).json;
  EXPECT_EQ(difference["identical"], false);
  EXPECT_TRUE(difference["only_in_a"].empty() && difference["only_in_b"].empty());
  EXPECT_EQ(row_of(difference["state"], "key", "networks.student.updates")["a"], 200);
}

TEST_F(CoordinatorCheckpoint, ShowsTheSameTensorsForAnyNumberOfRanks) {
  const Json one = report_step(save_on_ranks(1)).json;
  const auto& weight = row_of(one["tensors"], "name", "x_embedder.proj.weight");
  const auto expected = FakeEngine::values_of("", weight["name"], weight["shape"], 5).to(at::kDouble);
  EXPECT_NEAR(weight["mean"], expected.mean().item<double>(), 1e-12);
  EXPECT_NEAR(weight["std"], expected.std(/*unbiased=*/false).item<double>(), 1e-12);
  EXPECT_EQ(one["tensors"][0]["name"], "x_embedder.proj.weight");
  for (const int num_ranks : {2, 3, 4}) {
    const auto many = report_step(save_on_ranks(num_ranks));
    EXPECT_TRUE(many.is_well);
    EXPECT_EQ(many.json["tensors"], one["tensors"]);
    const auto difference = report_difference(step_folder(1), step_folder(num_ranks));
    EXPECT_EQ(difference.json["identical"], true);
    EXPECT_TRUE(difference.is_well);
  }
}

TEST_F(CoordinatorCheckpoint, AWholeFileIsComparedWithTheSameRoleOfShards) {
  const auto file = save_on_ranks(1) / "student_ema-00000-of-00001.safetensors";
  EXPECT_EQ(report_file(file).json["tensors"][0]["role"], "student_ema");
  EXPECT_EQ(report_difference(file, save_on_ranks(3)).json["identical"], true);
}

TEST_F(CoordinatorCheckpoint, ADamageIsWordedTheSameByInspectByResumeAndForWeights) {
  const auto control = make_self_communicator(at::kCPU);
  support::FakeJob job(*control, folder_, support::smallest_config(), {});
  const auto remove = [](const fs::path& file) { fs::remove(file); };
  const auto append = [](const fs::path& file) { std::ofstream(file, std::ios::app) << "x"; };
  const auto make_folder = [](const fs::path& file) {
    fs::remove(file);
    fs::create_directory(file);
  };
  const auto take_anothers = [](const fs::path& file) { write_file(file, commit_text("{}", std::string(16, 'f'))); };
  const std::string shard = "student-00000-of-00001.safetensors";
  const std::vector<std::pair<std::string, std::function<void(const fs::path&)>>> damages = {
      {kManifestFile, remove},
      {kManifestFile, cut_in_half},
      {kManifestFile, make_folder},
      {kCommitFile, remove},
      {kCommitFile, flip_last_byte},
      {kCommitFile, take_anothers},
      {shard, remove},
      {shard, append},
      {shard, flip_last_byte},
      {shard, make_folder}};
  for (const auto& [file, damage] : damages) {
    fs::remove_all(step_folder(100));
    job.save(100);
    damage(step_folder(100) / file);
    const Json verified = report_verification(step_folder(100)).json["checkpoints"][0];
    const std::string sentence = (step_folder(100) / file).string() + " " +
                                 row_of(verified["files"], "name", file)["problem"].get<std::string>();
    EXPECT_THAT(message_of<ConfigError>([&] { job.coordinator().restore("auto"); }), HasSubstr(sentence));
    EXPECT_EQ(message_of<DamageError>([&] { verify_weights(find_weights(step_folder(100), {"student"})); }), sentence);
  }
}

TEST_F(CoordinatorCheckpoint, AFlippedByteIsFoundInEveryFile) {
  const auto folder = save_on_ranks(2);
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) files.push_back(entry.path());
  ASSERT_EQ(files.size(), 8);
  for (const auto& file : files) {
    flip_last_byte(file);
    EXPECT_FALSE(report_verification(folder).is_well) << file;
    flip_last_byte(file);
    EXPECT_TRUE(report_verification(folder).is_well) << file;
  }
}

}  // namespace
}  // namespace fgm
