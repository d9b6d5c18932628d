// `fgm distill --dry-run` on the configs of the released models: nothing of them is on this disk.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/launch/sd3/sd3_job.h"

namespace fgm {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class Plan : public Sd3Job {
 protected:
  nlohmann::json plan(const std::string& config, const std::string& more = "") {
    const auto outcome =
        run(fmt::format("distill --dry-run --json --config {}/configs/{}_fgm.cfg {}", FGM_SOURCE_DIR, config, more));
    EXPECT_EQ(outcome.code, kExitDone) << outcome.text;
    // The log follows what is written to stdout.
    return nlohmann::json::parse(outcome.text.substr(0, outcome.text.rfind("}\n") + 1), nullptr, false);
  }
};

TEST_F(Plan, CountsTheParametersOfTheReleasedModels) {
  EXPECT_EQ(plan("sd3_medium")["parameters"], 2'028'328'000);
  EXPECT_EQ(plan("sd35_medium")["parameters"], 2'243'171'520);
  EXPECT_EQ(plan("sd35_large")["parameters"], 8'056'627'520);
}

TEST_F(Plan, StateIsTwoBytesOfTeacherAndTwelveOfStudentAndEstimatorForEachParameter) {
  constexpr double kParameters = 2'028'328'000;
  const auto near = [](const nlohmann::json& bytes, double expected) {  // units are padded
    EXPECT_GE(bytes.get<double>(), expected);
    EXPECT_LE(bytes.get<double>(), expected * 1.001);
  };
  const auto eight = plan("sd3_medium")["state_bytes_per_rank"];
  near(eight["teacher"], 2 * kParameters / 8);
  near(eight["student"], 12 * kParameters / 8);
  near(eight["estimator"], 12 * kParameters / 8);
  const auto one = plan("sd3_medium", "--mesh.shard 1 --teacher.dtype fp32 --student.beta1 0.9 --student.ema 0.99");
  near(one["state_bytes_per_rank"]["teacher"], 4 * kParameters);
  near(one["state_bytes_per_rank"]["student"], 20 * kParameters);
  EXPECT_EQ(one["state_bytes_per_rank"]["gathered_unit"], 0);
  const auto replicated = plan("sd3_medium", "--teacher.replicate true")["state_bytes_per_rank"];
  near(replicated["teacher"], 2 * kParameters);
}

TEST_F(Plan, ARegressionHoldsTheStudentAlone) {
  const std::string regression =
      fmt::format("distill --dry-run --config {}/configs/sd3_medium_fgm.cfg --method.loss regression", FGM_SOURCE_DIR);
  EXPECT_THAT(run(regression).text, HasSubstr("2028328000, in the student; a regression has no other network\n"));
  const auto bytes = plan("sd3_medium", "--method.loss regression")["state_bytes_per_rank"];
  EXPECT_EQ(bytes["student"], plan("sd3_medium")["state_bytes_per_rank"]["student"]);
  EXPECT_EQ(bytes["teacher"], 0);
  EXPECT_EQ(bytes["estimator"], 0);
}

TEST_F(Plan, TheNetworksShareOnePositionTable) {
  const auto on_gpu = plan("sd3_medium");
  EXPECT_EQ(on_gpu["device"], "cuda");
  EXPECT_EQ(on_gpu["state_bytes_per_rank"]["buffers"], 4 * 192 * 192 * 1536);
  EXPECT_EQ(plan("sd3_medium", "--device cuda"), on_gpu);
  const auto on_cpu = plan("sd3_medium", "--device cpu");
  EXPECT_EQ(on_cpu["device"], "cpu");
  EXPECT_EQ(on_cpu["state_bytes_per_rank"]["buffers"], 4 * 192 * 192 * 1536);
}

TEST_F(Plan, TheDecoderOfSampleGridsCountsWhereThereAreAny) {
  const auto decoder = [&](const std::string& more) {
    return plan("sd3_medium", more)["state_bytes_per_rank"]["decoder"];
  };
  EXPECT_EQ(decoder(""), 4 * 49'545'475) << "the encoder is not loaded";
  EXPECT_EQ(decoder("--run.sample_every 0"), 0);
  EXPECT_EQ(decoder("--model.in_channels 3"), 0);
  int64_t numbers = 0;
  for (const auto& [name, tensor] : stored_tensors(std::filesystem::path(kPipeline) / "vae")) {
    if (name.starts_with("decoder.")) numbers += c10::multiply_integers(tensor.shape);
  }
  const auto pipeline = std::string("--method.sample_size 0 --teacher.weights ") + kPipeline;
  EXPECT_EQ(decoder(pipeline), 4 * numbers);
  const auto alone = pipeline + "/transformer ";
  EXPECT_EQ(decoder(alone), 0);
  EXPECT_EQ(decoder(alone + "--sample.vae " + kPipeline + "/vae"), 4 * numbers);
}

TEST_F(Plan, TheTotalIsTheSumOfItsParts) {
  auto bytes = plan("sd35_medium")["state_bytes_per_rank"];
  const auto total = bytes["total"].get<int64_t>();
  bytes.erase("total");
  int64_t sum = 0;
  for (const auto& [name, part] : bytes.items()) sum += part.get<int64_t>();
  ASSERT_GT(sum, 0);
  EXPECT_EQ(total, sum);
}

TEST_F(Plan, ACheckpointHoldsWeightsMomentsAndPositionTables) {
  // Weights and Adam's second moment of two networks in float32; a table beside each network's weights.
  EXPECT_EQ(plan("sd3_medium")["checkpoint_bytes"], 2 * (4 * 2 * 2'028'328'000ll + 4 * 192 * 192 * 1536));
}

TEST_F(Plan, TextTakesWhatTheEncodersSay) {
  EXPECT_EQ(plan("sd3_medium")["text"]["bytes_per_caption"], 950'272);
  EXPECT_EQ(plan("sd3_medium", "--text.num_tokens 333")["text"]["bytes_per_caption"], 2'416'640);
  must_run("data shapes --shapes.count 20 --shapes.held_out_count 20 --out captions.h5");
  const auto with_store = plan("sd3_medium", "--data.store captions.h5");
  EXPECT_EQ(with_store["text"]["bytes"], 20 * 950'272);
  EXPECT_EQ(with_store["store"]["is_found"], true);
  EXPECT_EQ(with_store["teacher"]["is_found"], false);
}

TEST_F(Plan, WeightsThatAreThereCountAndMustFit) {
  const auto tiny = plan("sd3_medium", std::string("--method.sample_size 0 --teacher.weights ") + kPipeline);
  EXPECT_LT(tiny["parameters"], 1'000'000);
  const auto too_large = run(fmt::format(
      "distill --dry-run --config {}/configs/sd3_medium_fgm.cfg --teacher.weights {}", FGM_SOURCE_DIR, kPipeline));
  EXPECT_EQ(too_large.code, kExitConfig);
  EXPECT_THAT(too_large.text, HasSubstr("does not fit the model's position table of 6 x 6"));
  const auto refused = run(std::string("distill --dry-run --teacher.weights ") + kPipeline + "/vae");
  EXPECT_EQ(refused.code, kExitConfig);
  EXPECT_THAT(refused.text, HasSubstr("describes AutoencoderKL"));
}

TEST_F(Plan, IsReadAsTextOnceForAllRanks) {
  const auto text =
      run(fmt::format("distill --dry-run --config {}/configs/sd35_large_fgm.cfg --mesh.shard 0", FGM_SOURCE_DIR), 2);
  EXPECT_EQ(text.code, kExitDone);
  EXPECT_THAT(text.text, AllOf(HasSubstr("8056627520, in each of three networks"),
                               HasSubstr(" GB on a GPU, activations"), HasSubstr("1 x 2 (replicate x shard)"),
                               HasSubstr("(not found)"), HasSubstr("0.950 MB for each caption")));
  EXPECT_EQ(text.text.find("parameters"), text.text.rfind("parameters"));
}

}  // namespace
}  // namespace fgm
