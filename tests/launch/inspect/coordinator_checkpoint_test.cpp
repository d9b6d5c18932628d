// The reports on checkpoints that launch/coordinator wrote, as a run of 1 to 4 ranks leaves them.
#include <gtest/gtest.h>

#include "launch/checkpoint/checkpoints_folder.h"
#include "launch/inspect/reports.h"
#include "parallel/comm/self_communicator.h"
#include "tests/launch/coordinator/fake_job.h"
#include "tests/launch/inspect/checkpoint_fixture.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;
using fgm::testing::FakeEngine;

class CoordinatorCheckpoint : public CheckpointTest {
 protected:
  // What `num_ranks` ranks write when they save together.
  fs::path save_on_ranks(int num_ranks) const {
    const auto folder = folder_ / "checkpoints" / step_folder_name(num_ranks);
    fs::create_directories(folder);
    Manifest manifest = some_manifest(num_ranks, num_ranks);
    manifest.config = to_ini(testing::smallest_config());
    const WeightsInfo info{
        .role = "", .step = num_ranks, .sample_shape = {3, 6, 6}, .config = testing::smallest_config()};
    for (int rank = 0; rank < num_ranks; ++rank) {
      FakeEngine student(testing::smallest_model(), rank, num_ranks);
      student.fill(5);
      add_shards(write_shards(folder, {{"student", &student}}, {0, rank}, manifest.mesh, info), manifest);
    }
    write_file(folder / kManifestFile, to_json(manifest));
    write_file(folder / kCommitFile, commit_text(to_json(manifest), manifest.nonce));
    return folder;
  }
};

TEST_F(CoordinatorCheckpoint, OfARunIsWellAndSaysWhereTheRunStands) {
  const auto control = make_self_communicator(at::kCPU);
  testing::FakeJob job(*control, folder_, testing::smallest_config(), {});
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
