#include "launch/weights/weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "core/base/error.h"
#include "core/formats/sd3_shapes.h"
#include "core/io/safetensors.h"
#include "launch/checkpoint/checkpoints_folder.h"
#include "parallel/comm/self_communicator.h"
#include "tests/launch/coordinator/fake_job.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::EndsWith;
using testing::FakeEngine;
using testing::FakeJob;
using ::testing::HasSubstr;

class Weights : public ::testing::Test {
 protected:
  Weights() { config_.method.init_time = 0.714; }

  void save(const std::vector<int64_t>& steps) {
    FakeJob job(*self_, run_.path(), config_, {});
    for (const int64_t step : steps) job.save(step);
  }
  fs::path step_folder(int64_t step) const { return run_ / "checkpoints" / step_folder_name(step); }
  static void damage(const fs::path& file) { std::ofstream(file, std::ios::app) << "x"; }

  const TemporaryFolder run_;
  const std::unique_ptr<Communicator> self_ = make_self_communicator(at::kCPU);
  Config config_ = testing::smallest_config();
};

TEST_F(Weights, ASavedNetworkOpensFromItsRunWithWhatItNeedsToBeUsed) {
  save({1, 2});
  const LoadedModel loaded = load_model(run_.path(), {"student_ema", "student"}, at::kCPU);
  EXPECT_EQ(loaded.info.role, "student_ema");
  EXPECT_EQ(loaded.info.step, 2);
  EXPECT_EQ(loaded.info.sample_shape, (std::vector<int64_t>{3, 6, 6}));
  EXPECT_EQ(loaded.info.config.method.init_time, 0.714);
  visit_parameters(*loaded.model, [&](const std::string& name, at::Tensor& tensor) {
    EXPECT_TRUE(at::equal(tensor, FakeEngine::values_of("ema", name, tensor.sizes().vec(), 2))) << name;
  });
}

TEST_F(Weights, AStepsFolderAndALoneFileOpenToo) {
  save({1, 2});
  EXPECT_EQ(load_model(step_folder(1), {"student"}, at::kCPU).info.step, 1);
  const fs::path copy = run_ / "copy.safetensors";
  fs::copy_file(step_folder(1) / shard_file_name("student", 0, 1), copy);
  EXPECT_EQ(load_model(copy, {}, at::kCPU).info.step, 1);
}

TEST_F(Weights, ADamagedNewestStepOfARunIsPassedOverAndADamagedStepIsAnError) {
  save({1, 2});
  damage(step_folder(2) / shard_file_name("student_optim", 0, 1));
  EXPECT_EQ(load_model(run_.path(), {"student"}, at::kCPU).info.step, 2) << "the student's own files are whole";
  damage(step_folder(2) / shard_file_name("student", 0, 1));
  EXPECT_EQ(load_model(run_.path(), {"student"}, at::kCPU).info.step, 1);
  EXPECT_THAT(message_of<IoError>([&] { load_model(step_folder(2), {"student"}, at::kCPU); }),
              HasSubstr(shard_file_name("student", 0, 1)));
  damage(step_folder(1) / "COMMIT");
  EXPECT_THAT(message_of<ConfigError>([&] { load_model(run_.path(), {"student"}, at::kCPU); }),
              HasSubstr("no complete checkpoint"));
}

TEST_F(Weights, FilesThatAreNotOursAndFoldersWithoutTheRoleAreNamed) {
  save({1});
  const auto error_of = [](const fs::path& path, const std::vector<std::string>& roles) {
    return message_of<ConfigError>([&] { load_model(path, roles, at::kCPU); });
  };
  write_safetensors(run_ / "external.safetensors", {{"a", at::ones({2})}});
  EXPECT_THAT(error_of(run_ / "external.safetensors", {}), HasSubstr("an SD3 transformer is needed"));
  EXPECT_THAT(error_of(run_.path(), {"teacher"}), HasSubstr("no weights of role teacher"));
  EXPECT_THAT(error_of(run_ / "absent", {"teacher"}), HasSubstr("no such weights file or run folder"));
}

TEST_F(Weights, ALoneFileIsOfARoleThatWasAskedForOrIsRefused) {
  save({1});
  const fs::path file = run_ / "lone.safetensors";
  fs::copy_file(step_folder(1) / shard_file_name("student", 0, 1), file);
  ASSERT_EQ(load_model(file, {"student_ema", "student"}, at::kCPU).info.role, "student");
  EXPECT_THAT(message_of<ConfigError>([&] {
                load_model(file, {"teacher_ema", "teacher"}, at::kCPU);
              }),
              HasSubstr("lone.safetensors: its role is student, and teacher_ema or teacher was asked for"));
}

TEST_F(Weights, FoldersOfOtherThingsAreNamedWithWhatToGiveInstead) {
  const fs::path folder = run_ / "folder";
  const auto error_with = [&](auto&& fill) {
    fs::remove_all(folder);
    fs::create_directory(folder);
    fill();
    const auto error = message_of<ConfigError>([&] { load_model(folder, {"student"}, at::kCPU); });
    EXPECT_EQ(error.find('\n'), std::string::npos);
    return error;
  };
  const auto write = [&](const std::string& name, const std::string& tensor) {
    write_safetensors(folder / name, {{tensor, at::ones({2, 2})}});
  };
  const auto write_json = [&](const std::string& name, const std::string& json) {
    std::ofstream(folder / name) << json;
  };

  EXPECT_THAT(
      error_with([&] {
        write("model.safetensors", "text_model.encoder.layers.0.mlp.fc1.weight");
        write_json("config.json", R"({"architectures": ["CLIPTextModelWithProjection"]})");
      }),
      AllOf(HasSubstr("folder/config.json describes CLIPTextModelWithProjection"),
            HasSubstr("give a run's folder, a diffusers pipeline's folder, its transformer/ or a single file")));
  EXPECT_THAT(error_with([&] {
                write("pytorch_lora_weights.safetensors", "transformer.transformer_blocks.0.attn.to_q.lora_A.weight");
              }),
              HasSubstr("pytorch_lora_weights.safetensors looks like a LoRA (an adapter, not a model)"));
  EXPECT_THAT(
      error_with([&] { write("model-00001-of-00002.safetensors", "encoder.block.0.layer.0.SelfAttention.q.weight"); }),
      HasSubstr("looks like a T5 text encoder"));
  std::ofstream(run_ / "model_index.json") << "{}";
  EXPECT_THAT(
      error_with([&] { write_json("scheduler_config.json", R"({"_class_name": "FlowMatchEulerDiscreteScheduler"})"); }),
      AllOf(HasSubstr("scheduler_config.json describes FlowMatchEulerDiscreteScheduler"),
            HasSubstr("give the pipeline's folder " + fs::canonical(run_.path()).string())));
}

TEST_F(Weights, AFolderThatHoldsOnlyASingleFileSaysToGiveIt) {
  const fs::path folder = run_ / "hub";
  fs::create_directory(folder);
  std::vector<NamedTensor> tensors;
  for (const auto& [name, shape] : mmdit_shapes(config_.model)) tensors.push_back({name, at::zeros(shape)});
  write_safetensors(folder / "sd3_medium.safetensors", tensors);
  const auto error = [&] { return message_of<ConfigError>([&] { find_weights(folder, {"teacher"}); }); };
  EXPECT_THAT(error(), EndsWith("holds an SD3 transformer: give " + (folder / "sd3_medium.safetensors").string()));
  fs::copy(folder / "sd3_medium.safetensors", folder / "sd3_large.safetensors");
  EXPECT_THAT(error(), HasSubstr("hub/sd3_large.safetensors or "));
}

TEST_F(Weights, AStepWithoutItsManifestIsStillSaidToBeIncomplete) {
  save({1});
  fs::remove(step_folder(1) / "manifest.json");
  EXPECT_THAT(message_of<IoError>([&] { find_weights(step_folder(1), {"student"}); }),
              HasSubstr("no manifest.json in it, so it is no complete checkpoint"));
}

TEST_F(Weights, TheDigestOfATeacherDoesNotDependOnTheFilesThatHoldIt) {
  save({1});
  const auto digest = [](const WeightsPlace& place) { return digest_of(*open_weights(place).source); };
  const auto sharded = digest({step_folder(1), "student"});
  EXPECT_EQ(digest({step_folder(1) / shard_file_name("student", 0, 1), ""}), sharded);
  EXPECT_NE(digest({step_folder(1), "student_ema"}), sharded);
}

TEST_F(Weights, SlicesOfANetworkOfAnotherShapeAreRefusedNamingTheTensors) {
  save({1});
  const OpenWeights weights = open_weights({step_folder(1), "student"});
  FakeEngine half(config_.model, 1, 2);
  std::vector<StateSlice> slices;
  for (const auto& slice : half.state()) {
    if (slice.part.empty()) slices.push_back(slice);
  }
  load_slices(half.model(), slices, *weights.source);
  const StateSlice& last = slices.back();
  ASSERT_GT(last.begin, 0);
  EXPECT_TRUE(at::equal(
      last.values,
      FakeEngine::values_of("", last.name, last.shape, 1).view(-1).narrow(0, last.begin, last.values.numel())));
  config_.model.depth = 2;
  FakeEngine deeper(config_.model, 0, 1);
  EXPECT_THAT(message_of<ConfigError>([&] { load_slices(deeper.model(), {}, *weights.source); }),
              HasSubstr("joint_blocks.1.x_block.attn.qkv.weight [12, 4] is missing"));
}

// See Note [Weights are not mapped].
TEST_F(Weights, NetworksShareABufferThatIsTheSameAndNoneIsAPartOfTheFile) {
  save({1, 2});
  FakeEngine one(config_.model, 0, 1), two(config_.model, 0, 1);
  const auto buffer_of = [](FakeEngine& engine) {
    at::Tensor found;
    engine.model().visit_buffers([&](const std::string&, at::Tensor& buffer) { found = buffer; });
    return found;
  };
  const auto load = [](FakeEngine& engine, const WeightsPlace& place) {
    load_slices(engine.model(), {}, *open_weights(place).source);
  };
  load(one, {step_folder(1), "student"});
  share_buffers(one.model(), two.model());
  load(two, {step_folder(1), "student_ema"});
  EXPECT_TRUE(buffer_of(two).is_alias_of(buffer_of(one)));
  fs::resize_file(step_folder(1) / shard_file_name("student", 0, 1), 100);
  EXPECT_TRUE(buffer_of(one).eq(1.0).all().item<bool>());
  load(two, {step_folder(2), "student"});
  EXPECT_TRUE(buffer_of(two).eq(2.0).all().item<bool>());
  EXPECT_TRUE(buffer_of(one).eq(1.0).all().item<bool>()) << "another table is another tensor";
}

TEST_F(Weights, AHubCacheSaysWhichSnapshotToGive) {
  const fs::path repository = run_ / "models--a--b";
  const auto error = [&] { return message_of<ConfigError>([&] { find_weights(repository, {}); }); };
  for (const std::string commit : {"old", "new"}) fs::create_directories(repository / "snapshots" / commit);
  fs::last_write_time(repository / "snapshots/old", fs::file_time_type::clock::now() - std::chrono::hours(1));
  EXPECT_THAT(error(), EndsWith("give its snapshot " + (repository / "snapshots/new").string()));
  fs::create_directory(repository / "refs");
  std::ofstream(repository / "refs/main") << "old";
  EXPECT_THAT(error(), EndsWith("give its snapshot " + (repository / "snapshots/old").string()));
}

TEST_F(Weights, AFolderOfOtherWeightsNamesThem) {
  const fs::path folder = run_ / "folder";
  fs::create_directory(folder);
  const auto error_with = [&](const std::string& name) {
    std::ofstream(folder / name) << "PK\x03\x04";
    const auto error = message_of<ConfigError>([&] { find_weights(folder, {}); });
    fs::remove(folder / name);
    return error;
  };
  EXPECT_THAT(error_with("pytorch_model.bin"), HasSubstr("pytorch_model.bin is a PyTorch checkpoint"));
  EXPECT_THAT(error_with("__0_0.distcp"), HasSubstr("__0_0.distcp is a piece of PyTorch's distributed checkpoint"));
}

}  // namespace
}  // namespace fgm
