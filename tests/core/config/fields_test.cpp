#include "core/config/fields.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/config/config.h"

namespace fgm {
namespace {

std::string error_of(const std::string& key, const std::string& value, const std::string& place = "") {
  Config config;
  try {
    set(config, {key, value, place});
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Fields, EveryTypeIsParsed) {
  Config config;
  ASSERT_FALSE(config.model.mmdit.qk_norm);
  set(config, {"model.qk_norm", "true", ""});
  set(config, {"train.steps", "-7", ""});
  set(config, {"method.lambda_1", "-4e-1", ""});
  set(config, {"run.dir", " runs/a b ", ""});
  set(config, {"model.dual_attention_blocks", "0, 2,5", ""});
  set(config, {"student.ema", "0.99, 0.999", ""});
  set(config, {"train.time_law", "uniform", ""});
  EXPECT_TRUE(config.model.mmdit.qk_norm);
  EXPECT_EQ(config.train.steps, -7);
  EXPECT_EQ(config.method.lambda_1, -0.4);
  EXPECT_EQ(config.run.dir, "runs/a b");
  EXPECT_EQ(config.model.mmdit.dual_attention_blocks, (std::vector<int64_t>{0, 2, 5}));
  EXPECT_EQ(config.method.student.ema, (std::vector<double>{0.99, 0.999}));
  EXPECT_EQ(config.train.time.law, TimeDistribution::kUniform);
  EXPECT_EQ(config.method.time.law, TimeDistribution::kLogitNormal) << "[train] and [method] share no time law";
}

TEST(Fields, ErrorNamesACharacterThatLooksLikeAnother) {
  EXPECT_THAT(error_of("optimizer.lr", "1e\u22124"), testing::EndsWith("is not a number; it holds U+2212 MINUS SIGN"));
  EXPECT_THAT(error_of("train.steps", "\u00A03"), testing::EndsWith("it holds U+00A0 NO-BREAK SPACE"));
  EXPECT_THAT(error_of("model.qk_norm", "true\u200B"), testing::EndsWith("it holds U+200B ZERO WIDTH SPACE"));
  EXPECT_THAT(error_of("run.device", "\u201Ccpu\u201D"),
              testing::EndsWith("it holds U+201C LEFT DOUBLE QUOTATION MARK"));
  EXPECT_EQ(error_of("optimizer.lr\u00A0", "1", "a.cfg:3"),
            "a.cfg:3: unknown key 'optimizer.lr\u00A0'; it holds U+00A0 NO-BREAK SPACE; did you mean 'optimizer.lr'?");
}

TEST(Fields, NamesAreUtf8AndBeginAndEndWithWhatCanBeSeen) {
  EXPECT_EQ(error_of("run.dir", "caf\xE9"),
            "run.dir = 'caf\\xE9' is not UTF-8, as names in checkpoints and reports must be; rename it");
  EXPECT_EQ(error_of("data.store", "\u00A0a.h5"),
            "data.store = '\u00A0a.h5' begins with U+00A0 NO-BREAK SPACE; type it again");
  EXPECT_EQ(error_of("run.dir", "caf\u00E9 \u5199\u771F"), "no error");
}

TEST(Fields, OptimizersOfTeacherStudentAndEstimatorAreApart) {
  Config config;
  set(config, {"optimizer.lr", "1", ""});
  set(config, {"student.lr", "2", ""});
  set(config, {"estimator.lr", "3", ""});
  EXPECT_EQ(config.train.optimizer.lr, 1.0);
  EXPECT_EQ(config.method.student.lr, 2.0);
  EXPECT_EQ(config.method.estimator.lr, 3.0);
}

TEST(Fields, ErrorNamesKeyValueAndKind) {
  EXPECT_EQ(error_of("optimizer.lr", "fast"), "optimizer.lr = 'fast' is not a number");
  EXPECT_EQ(error_of("optimizer.lr", ""), "optimizer.lr = '' is not a number");
  EXPECT_EQ(error_of("optimizer.lr", "1e-3x"), "optimizer.lr = '1e-3x' is not a number");
  EXPECT_EQ(error_of("optimizer.lr", "nan"), "optimizer.lr = 'nan' is not a finite number");
  EXPECT_EQ(error_of("optimizer.lr", "1e999"), "optimizer.lr = '1e999' is out of range");
  EXPECT_EQ(error_of("train.steps", "1e3"), "train.steps = '1e3' is not a whole number");
  EXPECT_EQ(error_of("train.steps", "99999999999999999999"), "train.steps = '99999999999999999999' is out of range");
  EXPECT_EQ(error_of("model.qk_norm", "yes"), "model.qk_norm = 'yes' is not true or false");
  EXPECT_EQ(error_of("run.device", "gpu"), "run.device = 'gpu' is not one of auto, cpu, cuda");
  EXPECT_EQ(error_of("model.dual_attention_blocks", "1,x"),
            "model.dual_attention_blocks = '1,x' is not a comma-separated list of whole numbers");
  EXPECT_EQ(error_of("run.dir", "a#b"), "run.dir = 'a#b' holds '#', which begins a comment in a config file");
}

TEST(Fields, ErrorBeginsWithThePlaceInTheFile) {
  EXPECT_EQ(error_of("train.steps", "many", "run.cfg:3"), "run.cfg:3: train.steps = 'many' is not a whole number");
}

TEST(Fields, UnknownKeySuggestsTheNearestOne) {
  EXPECT_EQ(error_of("optimizer.lrr", "1"), "unknown key 'optimizer.lrr'; did you mean 'optimizer.lr'?");
  EXPECT_EQ(error_of("zzzzzz.qqqqqq", "1"), "unknown key 'zzzzzz.qqqqqq'");
}

TEST(Fields, IniTextReadsBackAsTheSameConfig) {
  Config config;
  config.run.dir = "runs/x = y [z]";
  config.method.lambda_1 = -0.1 - 0.2;
  config.train.optimizer.lr = 1.0 / 3.0;
  config.method.estimator.eps = 5e-324;
  config.model.mmdit.dual_attention_blocks = {0, 3};
  config.method.weight = LossWeight::kTSquaredOneMinusT;
  config.run.seed = INT64_MAX;
  const std::string ini = to_ini(config);
  Config again;
  ASSERT_NE(to_ini(again), ini);
  apply_ini(again, ini, "printed");
  EXPECT_EQ(to_ini(again), ini);
  EXPECT_EQ(again.method.lambda_1, config.method.lambda_1);
  EXPECT_EQ(again.train.optimizer.lr, config.train.optimizer.lr);
  EXPECT_EQ(again.method.estimator.eps, config.method.estimator.eps);
  EXPECT_EQ(again.method.weight, config.method.weight);
  EXPECT_EQ(again.run.seed, config.run.seed);
}

TEST(Fields, OneSectionAloneReadsBack) {
  ModelConfig model;
  model.mmdit.depth = 24;
  model.mmdit.qk_norm = true;
  const std::string ini = to_ini(model);
  EXPECT_THAT(ini, testing::StartsWith("[model]\nkind = mmdit\nin_channels = 3\n"));
  ModelConfig again;
  apply_ini(again, ini, "weights");
  EXPECT_EQ(again.mmdit.depth, 24);
  EXPECT_TRUE(again.mmdit.qk_norm);
}

TEST(Fields, AModelSectionWithoutItsKindIsAnMMDiT) {
  ModelConfig model;
  apply_ini(model, "[model]\ndepth = 24\n", "older weights");
  EXPECT_EQ(model.kind, ModelKind::kMMDiT);
  EXPECT_EQ(model.mmdit.depth, 24);
  EXPECT_THROW(set(model, {"model.kind", "gan", ""}), ConfigError);
}

TEST(Fields, AKeyThatDoesNotSayMayNotChangeOnResuming) {
  struct Section {
    int64_t unsaid = 1, said = 2;
    void visit(FieldVisitor& v) {
      v.field("s.unsaid", unsaid, "a");
      v.field("s.said", said, "b", OnResume::kWarn);
    }
  };
  const auto fields = list_fields(Section());
  EXPECT_EQ(fields.at(0).on_resume, OnResume::kRefuse);
  EXPECT_EQ(fields.at(1).on_resume, OnResume::kWarn);
}

TEST(Fields, EveryKeyIsListedOnceInsideASectionWithHelp) {
  std::set<std::string> keys;
  for (const auto& field : list_fields(Config())) {
    EXPECT_TRUE(keys.insert(field.key).second) << field.key;
    EXPECT_THAT(field.key, testing::MatchesRegex("[a-z]+[.][a-z0-9_]+"));
    EXPECT_FALSE(field.help.empty()) << field.key;
  }
  EXPECT_THAT(keys, testing::IsSupersetOf({"run.dir", "train.time_law", "method.time_mean", "student.ema",
                                           "teacher.weights", "eval.samples", "shapes.held_out_count"}));
}

}  // namespace
}  // namespace fgm
