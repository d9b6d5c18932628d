#include "launch/coordinator/weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/io/safetensors.h"
#include "core/models/init.h"
#include "core/models/model_factory.h"
#include "launch/coordinator/weights_save_point.h"
#include "parallel/optim/fsdp_engine.h"
#include "tests/support/one_rank_mesh.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;

class Weights : public ::testing::Test {
 protected:
  Weights() {
    config_.model.depth = 1;
    config_.method.init_time = 0.714;
    model_ = make_model(config_.model, at::kFloat);
    init_parameters(*model_, 3);
    engine_ = std::make_unique<FsdpEngine>(*model_, OptimizerConfig{.ema = 0.5}, one_rank_.mesh);
  }
  ~Weights() override { fs::remove_all(folder_); }

  void save(std::vector<int64_t> steps, int64_t keep) {
    WeightsSavePoint save_point(folder_ / "checkpoints", keep, {{"student", engine_.get()}},
                                {.role = "", .step = 0, .sample_shape = {3, 24, 24}, .config = config_});
    for (const int64_t step : steps) save_point.save(step);
  }

  const fs::path folder_ = fs::path(::testing::TempDir()) / fmt::format("fgm_weights_{}", getpid());
  Config config_;
  std::unique_ptr<VelocityModel> model_;
  const testing::OneRankMesh one_rank_;
  std::unique_ptr<FsdpEngine> engine_;
};

TEST_F(Weights, ASavedNetworkOpensFromItsRunWithWhatItNeedsToBeUsed) {
  save({1, 2}, 0);
  const LoadedModel loaded = load_model(folder_, {"student_ema", "student"}, at::kCPU);
  EXPECT_EQ(loaded.info.role, "student_ema");
  EXPECT_EQ(loaded.info.step, 2);
  EXPECT_EQ(loaded.info.sample_shape, (std::vector<int64_t>{3, 24, 24}));
  EXPECT_EQ(loaded.info.config.method.init_time, 0.714);
  EXPECT_EQ(num_parameters(*loaded.model), num_parameters(*model_));
  std::vector<at::Tensor> original;
  visit_parameters(*model_, [&](const std::string&, at::Tensor& p) { original.push_back(p); });
  size_t i = 0;
  visit_parameters(*loaded.model,
                   [&](const std::string& name, at::Tensor& p) { EXPECT_TRUE(at::equal(p, original[i++])) << name; });
  EXPECT_EQ(load_model(folder_ / "checkpoints" / step_folder_name(1), {"student"}, at::kCPU).info.step, 1);
}

TEST_F(Weights, OnlyTheNewestStepsAreKeptAndZeroKeepsAll) {
  save({1, 2, 10}, 2);
  EXPECT_EQ(saved_steps(folder_ / "checkpoints"), (std::vector<int64_t>{2, 10}));
  save({11, 12, 13}, 0);
  EXPECT_EQ(saved_steps(folder_ / "checkpoints").size(), 5u);
}

TEST_F(Weights, ASaveThatFailsLeavesOlderStepsAndNoHalfFolder) {
  save({1}, 2);
  // A file where the step's folder should appear: the rename is refused.
  fs::create_directories(folder_ / "checkpoints" / step_folder_name(2) / "in_the_way");
  EXPECT_THROW(save({2}, 2), IoError);
  for (const auto& entry : fs::directory_iterator(folder_ / "checkpoints"))
    EXPECT_FALSE(entry.path().filename().string().starts_with(".tmp")) << entry.path();
  EXPECT_EQ(load_model(folder_ / "checkpoints" / step_folder_name(1), {"student"}, at::kCPU).info.step, 1);
}

TEST_F(Weights, FilesThatAreNotOursAndFoldersWithoutTheRoleAreNamed) {
  save({1}, 2);
  const auto expect_error = [](const fs::path& path, const std::vector<std::string>& roles, const std::string& part) {
    try {
      load_model(path, roles, at::kCPU);
      ADD_FAILURE() << path;
    } catch (const ConfigError& error) {
      EXPECT_THAT(error.what(), ::testing::HasSubstr(part));
    }
  };
  write_safetensors(folder_ / "foreign.safetensors", {{"a", at::ones({2})}});
  expect_error(folder_ / "foreign.safetensors", {}, "was not written by fgm");
  expect_error(folder_, {"teacher"}, "no weights of role teacher");
  expect_error(folder_ / "absent", {"teacher"}, "no such weights file or run folder");
}

}  // namespace
}  // namespace fgm
