#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "launch/inspect/reports.h"
#include "tests/launch/checkpoint/checkpoint_fixture.h"
#include "tests/support/errors.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class DiffReport : public CheckpointTest {
 protected:
  Json diff_files(const std::vector<NamedTensor>& a, const std::vector<NamedTensor>& b) const {
    write_safetensors(folder_ / "a.safetensors", a);
    write_safetensors(folder_ / "b.safetensors", b);
    return report_difference(folder_ / "a.safetensors", folder_ / "b.safetensors").json;
  }
};

TEST_F(DiffReport, GivesTheKnownNumbersLargestRelativeDifferenceFirst) {
  const auto a = at::tensor({3.0f, -4.0f, 0.0f}), b = at::tensor({3.0f, -4.5f, 0.0f});
  const Json json = diff_files({{"same", a}, {"small", a * 100}, {"large", a}},
                               {{"same", a}, {"small", a * 100 + at::tensor({1.0f, 0.0f, 0.0f})}, {"large", b}});
  EXPECT_EQ(json["identical"], false);
  const Json& rows = json["tensors"];
  EXPECT_EQ(rows[0]["name"], "large");
  EXPECT_EQ(rows[0]["max_abs"], 0.5);
  EXPECT_EQ(rows[0]["max_rel"], 0.125);
  EXPECT_EQ(rows[0]["l2_rel"], 0.1);
  EXPECT_EQ(rows[1]["name"], "small");
  EXPECT_EQ(rows[1]["max_abs"], 1.0);
  EXPECT_EQ(rows[2]["name"], "same");
  EXPECT_EQ(rows[2]["identical"], true);
}

TEST_F(DiffReport, CheckpointsOfDifferentWorldsAreIdenticalWhenTheirTensorsAre) {
  const auto report = report_difference(save(200, 2), save(201, 3));
  EXPECT_EQ(report.json["identical"], true);
  EXPECT_THAT(report.text, HasSubstr("identical: 6 tensors"));
  EXPECT_EQ(row_of(report.json["state"], "key", "step"), Json::parse(R"({"key": "step", "a": 200, "b": 201})"));
  EXPECT_EQ(row_of(report.json["state"], "key", "world")["b"], 3);
  EXPECT_TRUE(row_of(report.json["state"], "key", "seed").is_null());
  EXPECT_TRUE(row_of(report.json["state"], "key", "attempt.nonce").is_null());
}

TEST_F(DiffReport, FindsOneChangedElementInASliceOfAnotherWorld) {
  Roles roles = some_roles();
  roles["student_ema"][0].tensor.view(-1)[17] += 1;
  const auto other = write_checkpoint(step_folder(201), roles, some_manifest(201, 3));
  const Json json = report_difference(save(200, 2), other).json;
  EXPECT_EQ(json["identical"], false);
  EXPECT_EQ(json["tensors"][0]["role"], "student_ema");
  EXPECT_EQ(json["tensors"][0]["max_abs"], 1.0);
  EXPECT_EQ(json["tensors"][1]["identical"], true);
}

TEST_F(DiffReport, NamesTensorsOfOneSideAndOtherShapesAndDtypes) {
  const auto ones = at::ones({2, 3});
  const Json json = diff_files({{"only_a", ones}, {"shape", ones}, {"dtype", ones}},
                               {{"shape", at::ones({3, 2})}, {"dtype", ones.to(at::kBFloat16)}, {"only_b", ones}});
  EXPECT_EQ(json["only_in_a"][0]["name"], "only_a");
  EXPECT_EQ(json["only_in_b"][0]["name"], "only_b");
  EXPECT_EQ(row_of(json["tensors"], "name", "shape")["problem"], "the shapes differ");
  const Json dtype = row_of(json["tensors"], "name", "dtype");
  EXPECT_EQ(dtype["dtype_b"], "BF16");
  EXPECT_EQ(dtype["max_abs"], 0.0);
  EXPECT_EQ(dtype["identical"], false);
}

TEST_F(DiffReport, ARoleThatOneSideLacksIsOneLineOfTheText) {
  Roles roles = some_roles();
  roles.erase("student_optim");
  const auto report = report_difference(save(200, 1), write_checkpoint(step_folder(201), roles, some_manifest(201, 1)));
  EXPECT_EQ(report.json["only_in_a"].size(), 2);
  EXPECT_THAT(report.text, ::testing::ContainsRegex("student_optim +all 2 tensors\n"));
}

TEST_F(DiffReport, NamesTheConfigKeysThatDiffer) {
  auto manifest = some_manifest(201, 1);
  Config config;
  config.run.seed = 9;
  manifest.config = to_ini(config);
  const auto other = write_checkpoint(step_folder(201), some_roles(), manifest);
  const Json keys = report_difference(save(200, 1), other).json["config"];
  EXPECT_EQ(keys, Json::parse(R"([{"key": "run.seed", "a": "1", "b": "9"}])"));
}

TEST_F(DiffReport, OfAFileAndACheckpointComparesTheFilesRole) {
  const auto path = folder_ / "ema.safetensors";
  write_safetensors(path, some_roles()["student_ema"], {{"fgm.role", "student_ema"}});
  const Json json = report_difference(path, save(200, 2)).json;
  EXPECT_EQ(json["identical"], true);
  EXPECT_EQ(json["tensors"].size(), 2);
  write_safetensors(path, some_roles()["student"], {{"fgm.role", "teacher"}});
  EXPECT_THAT(message_of<ConfigError>([&] { report_difference(path, save(200, 2)); }),
              HasSubstr("is of role teacher, and"));
}

TEST_F(DiffReport, OfFilesOfTwoRolesComparesByName) {
  const auto a = folder_ / "a.safetensors", b = folder_ / "b.safetensors";
  write_safetensors(a, {{"w", at::ones({2})}}, {{"fgm.role", "student"}});
  write_safetensors(b, {{"w", at::ones({2})}}, {{"fgm.role", "teacher"}});
  EXPECT_EQ(report_difference(a, b).json["identical"], true);
}

TEST_F(DiffReport, OfARunTakesItsNewestCompleteCheckpoint) {
  const auto step = save(100, 1);
  cut_in_half(save(200, 2) / "student-00000-of-00002.safetensors");
  EXPECT_EQ(report_difference(folder_, step).json["a"], step.string());
  cut_in_half(step / kManifestFile);
  EXPECT_THAT(message_of<IoError>([&] { report_difference(folder_, step); }), HasSubstr("no complete checkpoint"));
}

TEST_F(DiffReport, OfADamagedCheckpointComparesWhatIsWholeAndIsNotWell) {
  const auto step = save(100, 1), damaged = save(200, 2);
  fs::remove(damaged / "student-00001-of-00002.safetensors");
  const auto report = report_difference(step, damaged);
  EXPECT_FALSE(report.is_well);
  EXPECT_EQ(report.json["problems_b"], Json({"student-00001-of-00002.safetensors is missing"}));
  EXPECT_EQ(report.json["tensors"][0]["problem"], "2 elements cannot be read");
  EXPECT_EQ(row_of(report.json["tensors"], "role", "student_ema")["identical"], true);
}

TEST_F(DiffReport, AStoreIsRefusedAlsoBehindAUserBlock) {
  for (const size_t user_block : {0u, 512u, 2048u}) {
    std::ofstream(folder_ / "s.h5", std::ios::binary) << std::string(user_block, 'x') << "\x89HDF\r\n\x1a\n";
    EXPECT_THAT(message_of<ConfigError>([&] { report_difference(folder_ / "s.h5", folder_ / "s.h5"); }),
                HasSubstr("is a store"));
  }
}

}  // namespace
}  // namespace fgm
