#include "launch/weights/weights_place.h"

#include <gmock/gmock.h>

#include "core/base/error.h"
#include "core/formats/sd3_shapes.h"
#include "core/io/safetensors.h"
#include "tests/launch/weights/saved_run.h"
#include "tests/support/errors.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;

class FindWeights : public support::SavedRunTest {};
class VerifyWeights : public support::SavedRunTest {};

TEST_F(FindWeights, OfARunAreTheFirstRoleAskedForInItsNewestStep) {
  save({1, 2});
  for (const fs::path& path : {run_.path(), run_ / "checkpoints"}) {
    const auto found = find_weights(path, {"teacher", "student_ema", "student"});
    EXPECT_EQ(found.path, step_folder(2));
    EXPECT_EQ(found.role, "student_ema");
  }
}

TEST_F(FindWeights, OfARunAreInTheNewestStepWhoseFilesOfTheRoleHaveTheirSizes) {
  save({1, 2});
  append_to(file_of(2, "student_optim"));
  EXPECT_EQ(find_weights(run_.path(), {"student"}).path, step_folder(2)) << "the student's own files are whole";
  append_to(file_of(2, "student"));
  EXPECT_EQ(find_weights(run_.path(), {"student"}).path, step_folder(1));
  append_to(step_folder(1) / "COMMIT");
  EXPECT_THAT(message_of<ConfigError>([&] { find_weights(run_.path(), {"student"}); }),
              HasSubstr("no complete checkpoint"));
}

TEST_F(FindWeights, OfAStepThatWasNamedAreThereOrAnError) {
  save({1, 2});
  EXPECT_EQ(find_weights(step_folder(1), {"student"}).path, step_folder(1));
  append_to(file_of(2, "student"));
  EXPECT_THAT(message_of<DamageError>([&] { find_weights(step_folder(2), {"student"}); }),
              HasSubstr(shard_file_name("student", 0, 1)));
}

TEST_F(FindWeights, ReadsNoDigests) {
  save({1, 2});
  change_last_byte(file_of(2, "student"));
  EXPECT_EQ(find_weights(run_.path(), {"student"}).path, step_folder(2));
  EXPECT_EQ(find_weights(step_folder(2), {"student"}).path, step_folder(2));
}

TEST_F(FindWeights, NamesThePathAndWhatIsNotThere) {
  save({1});
  const auto error_of = [](const fs::path& path) {
    return message_of<ConfigError>([&] { find_weights(path, {"teacher_ema", "teacher"}); });
  };
  EXPECT_THAT(error_of(run_.path()), HasSubstr("no weights of role teacher_ema, teacher in it, only estimator"));
  EXPECT_THAT(error_of(run_ / "absent"), HasSubstr("absent: no such weights file or run folder"));
}

TEST_F(FindWeights, AStepWithoutItsManifestIsSaidToBeIncomplete) {
  save({1});
  fs::remove(step_folder(1) / "manifest.json");
  EXPECT_THAT(message_of<IoError>([&] { find_weights(step_folder(1), {"student"}); }),
              HasSubstr("manifest.json is missing, so its folder is no complete checkpoint"));
}

TEST_F(VerifyWeights, ReturnsTheIntactWeightsThatWereFound) {
  save({1, 2});
  change_last_byte(file_of(2, "student_optim"));
  change_last_byte(file_of(1, "student"));
  for (const fs::path& path : {run_.path(), step_folder(2)}) {
    const auto verified = verify_weights(find_weights(path, {"student"}));
    EXPECT_EQ(verified.path, step_folder(2)) << "only the student's own files count";
    EXPECT_EQ(verified.role, "student");
  }
}

TEST_F(VerifyWeights, SkipsStepsOfARunWithAnotherDigestAndRefusesOneThatWasNamed) {
  save({1, 2, 3});
  change_last_byte(file_of(3, "student"));
  change_last_byte(file_of(2, "student"));
  const auto found = find_weights(run_.path(), {"student"});
  ASSERT_EQ(found.path, step_folder(3));
  EXPECT_EQ(verify_weights(found).path, step_folder(1));
  EXPECT_THAT(message_of<DamageError>([&] { verify_weights(find_weights(step_folder(3), {"student"})); }),
              HasSubstr(shard_file_name("student", 0, 1)));
  change_last_byte(file_of(1, "student"));
  EXPECT_THAT(message_of<ConfigError>([&] { verify_weights(found); }), HasSubstr("no complete checkpoint"));
}

TEST_F(VerifyWeights, HasNothingToCompareALoneFileWith) {
  save({1});
  change_last_byte(file_of(1, "student"));
  const auto found = find_weights(file_of(1, "student"), {"student"});
  EXPECT_EQ(verify_weights(found).path, found.path);
}

TEST_F(FindWeights, FoldersOfOtherThingsAreNamedWithWhatToGiveInstead) {
  const fs::path folder = run_ / "folder";
  const auto error_with = [&](auto&& fill) {
    fs::remove_all(folder);
    fs::create_directory(folder);
    fill();
    const auto error = message_of<ConfigError>([&] { find_weights(folder, {"student"}); });
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

TEST_F(FindWeights, AFolderThatHoldsOnlyASingleFileSaysToGiveIt) {
  const fs::path folder = run_ / "hub";
  fs::create_directory(folder);
  std::vector<NamedTensor> tensors;
  for (const auto& [name, shape] : mmdit_shapes(config_.model.mmdit)) tensors.push_back({name, at::zeros(shape)});
  write_safetensors(folder / "sd3_medium.safetensors", tensors);
  const auto error = [&] { return message_of<ConfigError>([&] { find_weights(folder, {"teacher"}); }); };
  EXPECT_THAT(error(), EndsWith("holds an SD3 transformer: give " + (folder / "sd3_medium.safetensors").string()));
  fs::copy(folder / "sd3_medium.safetensors", folder / "sd3_large.safetensors");
  EXPECT_THAT(error(), HasSubstr("hub/sd3_large.safetensors or "));
}

TEST_F(FindWeights, AHubCacheSaysWhichSnapshotToGive) {
  const fs::path repository = run_ / "models--a--b";
  const auto error = [&] { return message_of<ConfigError>([&] { find_weights(repository, {}); }); };
  for (const std::string commit : {"old", "new"}) fs::create_directories(repository / "snapshots" / commit);
  fs::last_write_time(repository / "snapshots/old", fs::file_time_type::clock::now() - std::chrono::hours(1));
  EXPECT_THAT(error(), EndsWith("give its snapshot " + (repository / "snapshots/new").string()));
  fs::create_directory(repository / "refs");
  std::ofstream(repository / "refs/main") << "old";
  EXPECT_THAT(error(), EndsWith("give its snapshot " + (repository / "snapshots/old").string()));
}

TEST_F(FindWeights, AFolderOfOtherWeightsNamesThem) {
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
