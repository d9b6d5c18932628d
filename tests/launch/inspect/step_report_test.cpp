#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ranges>

#include "core/models/model_factory.h"
#include "launch/inspect/reports.h"
#include "tests/launch/checkpoint/checkpoint_fixture.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class StepReport : public CheckpointTest {};

std::vector<std::string> keys_of(const Json& object) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.push_back(key);
  return keys;
}

// Role and name of each tensor, in the order of the report.
std::vector<std::string> names_of(const Json& report) {
  std::vector<std::string> names;
  for (const auto& tensor : report["tensors"]) {
    names.push_back(tensor["role"].get<std::string>() + "/" + tensor["name"].get<std::string>());
  }
  return names;
}

TEST_F(StepReport, HasTheDocumentedKeys) {
  const Json json = report_step(save(200, 2)).json;
  EXPECT_EQ(keys_of(json), (std::vector<std::string>{"format", "path", "status", "state", "files", "roles", "tensors",
                                                     "totals", "config"}));
  EXPECT_EQ(keys_of(json["state"]), (std::vector<std::string>{"version", "step", "phase", "attempt", "world", "mesh",
                                                              "seed", "threads", "data", "teacher", "networks"}));
  EXPECT_EQ(json["state"]["data"]["position"], 250);
  EXPECT_EQ(json["state"]["networks"]["student"]["updates"], 200);
  EXPECT_EQ(json["config"]["run.seed"], "1");
  EXPECT_EQ(json["roles"][0], Json::parse(R"({"role": "student", "tensors": 2, "values": 27, "bytes": 108})"));
  EXPECT_EQ(json["files"].size(), 8);
  EXPECT_EQ(keys_of(json["files"][2]),
            (std::vector<std::string>{"name", "bytes", "expected_bytes", "xxh128", "problem"}));
}

TEST_F(StepReport, StatisticsAreThoseOfTheWholeTensorForAnyNumberOfShards) {
  for (const int num_shards : {1, 2, 3, 5}) {
    const auto report = report_step(save(num_shards, num_shards));
    EXPECT_TRUE(report.is_well);
    const Json row = row_of(report.json["tensors"], "name", "b.weight");
    EXPECT_EQ(row["role"], "student");
    EXPECT_EQ(row["shape"], (std::vector<int64_t>{4, 6}));
    EXPECT_EQ(row["bytes"], 96);
    EXPECT_EQ(row["missing"], 0);
    EXPECT_DOUBLE_EQ(row["mean"], 11.5);
    EXPECT_NEAR(row["std"].get<double>(), std::sqrt((24.0 * 24.0 - 1.0) / 12.0), 1e-12);  // of 0, 1, ..., 23
  }
}

TEST_F(StepReport, TensorsStandInTheOrderOfTheForwardPassAndBuffersLast) {
  Config config;
  config.model.mmdit.depth = 11;  // in the order of the alphabet block 10 comes before block 2
  std::vector<std::string> expected;
  const auto model = make_model(config.model, at::TensorOptions().device(at::kMeta));
  visit_parameters(*model, [&](const std::string& name, at::Tensor&) { expected.push_back("student/" + name); });
  const std::vector<std::string> moments = {"x_embedder.proj.weight.exp_avg_sq", "final_layer.linear.bias.exp_avg_sq"};
  const auto zero = at::zeros({1});
  Roles roles = {{"student", {{"pos_embed", zero}}}, {"student_optim", {{moments[1], zero}, {moments[0], zero}}}};
  for (const auto& name : expected | std::views::reverse) {
    roles["student"].push_back({name.substr(std::string("student/").size()), zero});
  }
  expected.push_back("student/pos_embed");
  for (const auto& name : moments) expected.push_back("student_optim/" + name);

  Manifest manifest = some_manifest(1, 1);
  manifest.config = to_ini(config);
  EXPECT_EQ(names_of(report_step(write_checkpoint(step_folder(1), roles, manifest)).json), expected);
}

TEST_F(StepReport, ShowsWhatCanBeReadOfADamagedCheckpointAndSaysWhatIsWrong) {
  struct Case {
    std::string file;
    std::function<void(const fs::path&)> damage;
    std::string problem;
    int64_t missing;  // of the 24 elements of student's b.weight
  };
  const auto remove = [](const fs::path& path) { fs::remove(path); };
  const auto empty = [](const fs::path& path) { fs::resize_file(path, 0); };
  const auto append = [](const fs::path& path) { std::ofstream(path, std::ios::app) << "x"; };
  const auto make_folder = [](const fs::path& path) {
    fs::remove(path);
    fs::create_directory(path);
  };
  const std::string shard = "student-00001-of-00002.safetensors";
  const std::vector<Case> cases = {
      {kCommitFile, remove, "is missing, so its folder is no complete checkpoint", 0},
      {kCommitFile, cut_in_half, "does not fit manifest.json: one of the two is damaged", 0},
      {kCommitFile, flip_last_byte, "does not fit manifest.json: one of the two is damaged", 0},
      {kCommitFile, make_folder, "is a folder, not a file", 0},
      {kManifestFile, remove, "is missing, so its folder is no complete checkpoint", 0},
      {kManifestFile, cut_in_half, "cannot be used: it is not valid JSON", 0},
      {kManifestFile, empty, "cannot be used: it is not valid JSON", 0},
      {kManifestFile, make_folder, "is a folder, not a file", 0},
      {shard, remove, "is missing", 12},
      {shard, cut_in_half, "manifest.json says", 12},
      {shard, empty, "has 0 bytes", 12},
      {shard, append, "manifest.json says", 12},
      {shard, make_folder, "is a folder, not a file", 12},
  };
  for (const auto& [file, damage, problem, missing] : cases) {
    const auto folder = save(200, 2);
    ASSERT_TRUE(report_step(folder).is_well);
    damage(folder / file);
    const auto report = report_step(folder);
    EXPECT_FALSE(report.is_well) << file;
    EXPECT_EQ(report.json["status"], "damaged");
    const Json row = row_of(report.json["files"], "name", file);
    ASSERT_TRUE(row["problem"].is_string()) << file << ": " << row;
    EXPECT_THAT(row["problem"], HasSubstr(problem));
    EXPECT_THAT(report.text, HasSubstr(file + " " + row["problem"].get<std::string>()));
    const Json tensor = row_of(report.json["tensors"], "name", "b.weight");
    EXPECT_EQ(tensor["missing"], missing);
    EXPECT_LT(tensor["mean"], 11.5 + 1e-9);  // of what is left, the first half or all
    fs::remove_all(folder);
  }
}

TEST_F(StepReport, WithoutAManifestEachFilesTensorsAreShownAsTheyLie) {
  auto folder = save(200, 2);
  fs::remove(folder / kManifestFile);
  fs::rename(folder, folder_ / "checkpoints/.tmp-200-0123456789abcdef");
  folder = folder_ / "checkpoints/.tmp-200-0123456789abcdef";
  const auto report = report_step(folder);
  EXPECT_FALSE(report.is_well);
  EXPECT_TRUE(report.json["state"].is_null());
  EXPECT_EQ(report.json["tensors"].size(), 12);
  const Json row = row_of(report.json["tensors"], "role", "student-00001-of-00002");
  EXPECT_EQ(row["shape"], std::vector<int64_t>{12});
}

TEST_F(StepReport, AShardThatHoldsOtherTensorsThanTheManifestSaysIsNamed) {
  const auto folder = save(200, 2);
  fs::copy_file(folder / "student_optim-00001-of-00002.safetensors", folder / "student-00001-of-00002.safetensors",
                fs::copy_options::overwrite_existing);
  const Json files = report_step(folder).json["files"];
  EXPECT_TRUE(row_of(files, "name", "student-00001-of-00002.safetensors")["problem"].is_string());
  EXPECT_TRUE(row_of(files, "name", "student-00000-of-00002.safetensors")["problem"].is_null());
}

TEST_F(StepReport, NoManifestHoweverCutCrashesIt) {
  const auto folder = save(200, 2);
  const auto text = read_file(folder / kManifestFile);
  for (size_t size = 0; size + 1 < text.size(); size += 41) {
    fs::resize_file(folder / kManifestFile, size);
    EXPECT_FALSE(report_step(folder).is_well) << size;
    write_file(folder / kManifestFile, text);
  }
}

TEST_F(StepReport, NonFiniteElementsAreCountedOverAllShards) {
  Roles roles = some_roles();
  roles["student"][0].tensor.view(-1)[0] = std::nan("");
  roles["student"][0].tensor.view(-1)[23] = INFINITY;
  const auto report = report_step(write_checkpoint(step_folder(1), roles, some_manifest(1, 3)));
  EXPECT_TRUE(report.is_well);
  EXPECT_EQ(row_of(report.json["tensors"], "name", "b.weight")["non_finite"], 2);
  EXPECT_EQ(report.json["totals"]["non_finite"], 2);
  EXPECT_THAT(report.text, HasSubstr("2 not finite"));
}

TEST_F(StepReport, AFileThatTheManifestDoesNotListIsNoDamage) {
  const auto folder = save(200, 1);
  std::ofstream(folder / "NOTES") << "kept for the paper";
  fs::create_directory(folder / "export");
  const auto report = report_step(folder);
  EXPECT_TRUE(report.is_well);
  EXPECT_TRUE(row_of(report.json["files"], "name", "NOTES")["xxh128"].is_null());
}

}  // namespace
}  // namespace fgm
