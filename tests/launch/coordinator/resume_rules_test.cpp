#include "launch/coordinator/resume_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/config/config.h"
#include "core/config/fields.h"

namespace fgm {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ResumeRules : public ::testing::Test {
 protected:
  // Differences of `changed`, set in the config and nowhere else, from a distillation with default settings.
  static RunDifferences change(const std::string& key, const std::string& value) {
    Config config;
    const std::string before = to_ini(config);
    set(config, {key, value, ""});
    return compare_runs(manifest_of(before), manifest_of(to_ini(config)));
  }
  static Manifest manifest_of(const std::string& config) {
    Manifest manifest;
    manifest.command = "distill";
    manifest.config = config;
    return manifest;
  }
};

TEST_F(ResumeRules, TellErrorsFromWarningsFromWhatIsOfNoConsequence) {
  for (const auto& [key, value] : std::map<std::string, std::string>{{"model.num_heads", "2"},
                                                                     {"text.num_tokens", "3"},
                                                                     {"run.seed", "5"},
                                                                     {"method.estimator_steps", "2"},
                                                                     {"student.beta1", "0"},
                                                                     {"estimator.ema", "0.9"}}) {
    const auto differences = change(key, value);
    EXPECT_EQ(differences.errors.size(), 1u) << key;
    EXPECT_TRUE(differences.warnings.empty()) << key;
  }
  for (const auto& [key, value] : std::map<std::string, std::string>{
           {"method.steps", "9000"}, {"student.lr", "1"}, {"student.beta1", "0.5"}, {"method.lambda_1", "1"}}) {
    const auto differences = change(key, value);
    EXPECT_TRUE(differences.errors.empty()) << key;
    EXPECT_EQ(differences.warnings.size(), 1u) << key;
  }
  for (const auto& [key, value] : std::map<std::string, std::string>{{"run.dir", "elsewhere"},
                                                                     {"data.store", "moved.h5"},
                                                                     {"mesh.shard", "2"},
                                                                     {"parallel.recompute", "true"},
                                                                     {"teacher.weights", "moved"},
                                                                     {"train.batch", "3"},
                                                                     {"eval.picture_rows", "3"},
                                                                     {"run.save_every", "3"}}) {
    const auto differences = change(key, value);
    EXPECT_TRUE(differences.errors.empty() && differences.warnings.empty()) << key;
  }
}

TEST_F(ResumeRules, AnAverageNeitherComesNorGoesAndOnlyTheFirstWhoseNameHasNoDecayMayChangeIt) {
  const auto go_on = [](const std::string& ema) {
    Config saved, now;
    set(saved, {"student.ema", "0.99, 0.999", ""});
    set(now, {"student.ema", ema, ""});
    return compare_runs(manifest_of(to_ini(saved)), manifest_of(to_ini(now)));
  };
  EXPECT_TRUE(go_on("0.990,0.999").warnings.empty());
  EXPECT_THAT(go_on("0.98,0.999").warnings,
              ElementsAre("student.ema: the checkpoint has 0.99,0.999, this run 0.98,0.999"));
  for (const std::string ema : {"0", "0.99", "0.99,0.9995", "0.99,0.999,0.9995", "0.999,0.99"}) {
    EXPECT_THAT(go_on(ema).errors, ElementsAre("student.ema: the checkpoint has 0.99,0.999, this run " + ema));
  }
  EXPECT_TRUE(go_on("0.98,0.999").errors.empty());
}

TEST_F(ResumeRules, TheKeysOfAUNetAreComparedAsThoseOfAnyModel) {
  Config config;
  set(config, {"model.kind", "unet", ""});
  Manifest saved = manifest_of(to_ini(config));
  saved.step = 8;
  EXPECT_TRUE(compare_runs(saved, saved).errors.empty());
  set(config, {"model.num_heads", "2", ""});
  EXPECT_THAT(compare_runs(saved, manifest_of(to_ini(config))).errors,
              ElementsAre("model.num_heads: the checkpoint has 4, this run 2"));
  EXPECT_THAT(compare_runs(saved, manifest_of(to_ini(Config()))).errors,
              Contains("model.kind: the checkpoint has unet, this run mmdit"));
}

TEST_F(ResumeRules, ARegressionAndALossWithAnEstimatorDoNotResumeFromEachOther) {
  EXPECT_TRUE(change("method.loss", "dmd").errors.empty());
  const auto errors = change("method.loss", "regression").errors;
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_THAT(errors[0], HasSubstr("student.init"));
}

TEST_F(ResumeRules, MoreStepsOfACosineScheduleSayFromWhereToWhereTheRateJumps) {
  Config config;
  config.method.steps = 8;
  config.method.student.lr = 1e-3;
  config.method.student.schedule = Schedule::kCosine;
  Manifest saved = manifest_of(to_ini(config));
  saved.step = 8;
  EXPECT_TRUE(compare_runs(saved, saved).warnings.empty());
  config.method.steps = 16;
  const auto warnings = compare_runs(saved, manifest_of(to_ini(config))).warnings;
  ASSERT_EQ(warnings.size(), 2u) << "the estimator's rate is constant";
  // lr (1 + cos(pi 7 / 8)) / 2 and lr (1 + cos(pi / 2)) / 2
  EXPECT_EQ(warnings[1], "the learning rate goes from 3.81e-05 in step 8 to 0.0005 in step 9 (student.lr)");
}

TEST_F(ResumeRules, AStoreThatGrewIsAWarningThatSaysWhatBecomesOfTheEpoch) {
  Manifest saved = manifest_of(to_ini(Config())), now = saved;
  saved.data.size = 40;
  now.data.size = 50;
  const auto differences = compare_runs(saved, now);
  EXPECT_TRUE(differences.errors.empty());
  ASSERT_EQ(differences.warnings.size(), 1u);
  EXPECT_THAT(differences.warnings[0],
              AllOf(HasSubstr("data.store: "), HasSubstr("with 40 records"), HasSubstr("twice or not at all")));
  now.data.captions_xxh128 = std::string(32, 'a');
  EXPECT_THAT(compare_runs(saved, now).warnings, ElementsAre(HasSubstr("method.captions: ")));
}

TEST_F(ResumeRules, OtherCaptionsOfAListOfTheSameLengthAreAWarning) {
  Manifest saved = manifest_of(to_ini(Config()));
  saved.data = {.store = "list.txt", .size = 40, .captions_xxh128 = std::string(32, 'a')};
  Manifest now = saved;
  EXPECT_TRUE(compare_runs(saved, now).warnings.empty());
  now.data.captions_xxh128 = std::string(32, 'b');
  const auto differences = compare_runs(saved, now);
  EXPECT_TRUE(differences.errors.empty());
  ASSERT_EQ(differences.warnings.size(), 1u);
  EXPECT_THAT(differences.warnings[0], HasSubstr("the captions of list.txt are others"));
}

TEST_F(ResumeRules, OtherRanksOrThreadsAreANoteAndAKeyThatTheOlderConfigLacksHadItsDefault) {
  Manifest saved = manifest_of(""), now = manifest_of(to_ini(Config()));
  EXPECT_TRUE(compare_runs(saved, now).warnings.empty());
  EXPECT_TRUE(compare_runs(saved, now).notes.empty());
  now.world = 2;
  EXPECT_EQ(compare_runs(saved, now).notes.size(), 1u);
}

}  // namespace
}  // namespace fgm
