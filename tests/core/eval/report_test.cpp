#include "core/eval/report.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "core/base/error.h"
#include "core/eval/comparison_sheet.h"
#include "core/eval/random_conv.h"
#include "core/eval/shapes/dataset.h"

namespace fgm {
namespace {

shapes::ShapesDataset scenes(uint64_t seed) {
  return shapes::make_shapes(24, 240, seed, shapes::Split::kHeldOut);
}

Reference held_out() {
  return reference_of(random_conv_space(), scenes(2).images_NHWC);
}

ModelSamples perfect() {
  const auto data = scenes(1);
  return {"perfect", data.prompts, data.images_NHWC, 28, 56, 1.5, {{"guidance", 2.0}}};
}

ModelSamples blank() {
  auto model = perfect();
  return {"blank", model.prompts, at::zeros_like(model.images_NHWC), 1, 1, 0.05, {{"guidance", 1.0}}};
}

TEST(Evaluate, WritesTheDocumentedKeys) {
  const auto report = evaluate(std::vector{perfect(), blank()}, held_out());
  const auto& model = report["models"]["perfect"];
  EXPECT_GE(model["overall"].get<double>(), 0.98);
  ASSERT_EQ(model["categories"].size(), 6u);
  EXPECT_GE(model["categories"]["color_attr"].get<double>(), 0.98);
  EXPECT_EQ(model["steps"], 28);
  EXPECT_EQ(model["evaluations"], 56);
  EXPECT_EQ(model["ms_per_image"], 1.5);
  EXPECT_EQ(report["prompts"], 3 + 6 + 10 + 3 + 40 + 30) << "40 of each category were drawn";
  EXPECT_EQ(report["samples"], 240);
  EXPECT_EQ(report["features"], kFeatureSpace);
  EXPECT_EQ(report["config"]["perfect"]["guidance"], 2.0);
  EXPECT_FALSE(report["commit"].get<std::string>().empty());
}

TEST(Evaluate, RanksABlankModelBelowAPerfectOne) {
  const auto models = evaluate(std::vector{perfect(), blank()}, held_out())["models"];
  EXPECT_EQ(models["blank"]["overall"], 0.0);
  EXPECT_GT(models["blank"]["frechet"].get<double>(), 10 * models["perfect"]["frechet"].get<double>());
}

TEST(Evaluate, GivesPhotographsTheirFrechetDistanceAlone) {
  auto model = perfect();
  for (auto& prompt : model.prompts) prompt = "a photo of a t-shirt";
  const auto report = evaluate(std::vector{model}, held_out());
  EXPECT_TRUE(report["models"]["perfect"].contains("frechet"));
  EXPECT_FALSE(report["models"]["perfect"].contains("overall"));
  EXPECT_FALSE(report["models"]["perfect"].contains("categories"));
  EXPECT_EQ(report["prompts"], 1);
}

TEST(Evaluate, SaysWhatAnImageForEachPromptCannotTell) {
  auto model = perfect();
  for (size_t i = 0; i < model.prompts.size(); ++i) model.prompts[i] = "photograph " + std::to_string(i);
  const auto report = evaluate(std::vector{model}, held_out());
  EXPECT_FALSE(report["models"]["perfect"].contains("diversity"));
  EXPECT_NE(report["notes"][0].get<std::string>().find("every caption has one image"), std::string::npos);
  EXPECT_NE(markdown_table(report).find("per_prompt"), std::string::npos);
}

TEST(Evaluate, MeasuresDiversityAgainstTheBestTeacher) {
  auto student = perfect(), teacher = perfect(), worse = blank();
  teacher.name = "teacher_28";
  worse.name = "teacher_1";
  student.name = "student_1";
  // Each caption's first image stands for all of them: as faithful as ever, without an idea of its own.
  std::map<std::string, int64_t> first;
  for (size_t i = 0; i < student.prompts.size(); ++i) {
    const auto source = first.emplace(student.prompts[i], i).first->second;
    student.images_NHWC[i].copy_(teacher.images_NHWC[source]);
  }
  const auto report = evaluate(std::vector{student, worse, teacher}, held_out());
  EXPECT_EQ(report["opponent"], "teacher_28");
  const auto& ours = report["models"]["student_1"]["diversity"];
  const auto& theirs = report["models"]["teacher_28"]["diversity"];
  EXPECT_EQ(ours["layouts"], 1.0);
  EXPECT_EQ(ours["spread"], 0.0);
  EXPECT_LT(ours["layouts_ratio"].get<double>(), 0.6);
  EXPECT_EQ(theirs["layouts_ratio"], 1.0);
  EXPECT_EQ(theirs["spread_ratio"], 1.0);
  EXPECT_GE(report["models"]["student_1"]["overall"].get<double>(), 0.97);
}

TEST(Evaluate, TakesTheTeacherOfTheSmallestDistanceWhereNothingCanBeJudged) {
  auto far = blank(), near = perfect();
  far.name = "teacher_1";
  near.name = "teacher_50";
  for (auto* model : {&far, &near}) std::ranges::fill(model->prompts, "a photo of a t-shirt");
  EXPECT_EQ(evaluate(std::vector{far, near}, held_out())["opponent"], "teacher_50");
}

TEST(Evaluate, SaysWhoseLayoutsCannotBeCounted) {
  auto teacher = perfect(), student = blank();
  teacher.name = "teacher_28";
  const auto report = evaluate(std::vector{teacher, student}, held_out());
  ASSERT_TRUE(report["models"]["teacher_28"]["diversity"].contains("layouts"));
  EXPECT_FALSE(report["models"]["blank"]["diversity"].contains("layouts"));
  EXPECT_NE(report["notes"][0].get<std::string>().find("no layouts of blank"), std::string::npos);
}

TEST(Evaluate, GivesFaithfulnessAnIntervalThatHoldsIt) {
  auto half = perfect();
  half.images_NHWC = half.images_NHWC.clone();
  half.images_NHWC.slice(0, 0, 120).zero_();
  const auto model = evaluate(std::vector{half}, held_out())["models"]["perfect"];
  const auto& interval = model["overall_interval"];
  EXPECT_LT(interval[0], model["overall"]);
  EXPECT_GT(interval[1], model["overall"]);
  EXPECT_LT(interval[1].get<double>() - interval[0].get<double>(), 0.3);
  EXPECT_TRUE(
      evaluate(std::vector{half}, held_out(), {.num_resamples = 0})["models"]["perfect"]["overall_interval"].is_null());
}

TEST(Evaluate, ResamplesImagesWhereACategoryHasNoOtherCaptions) {
  // Circles are always right and squares and triangles always wrong: captions tell no noise, but images differ.
  auto model = perfect();
  for (size_t i = 0; i < model.prompts.size(); ++i) {
    if (!model.prompts[i].starts_with("a circle")) model.images_NHWC[i].zero_();
  }
  const auto interval =
      evaluate(std::vector{model}, held_out())["models"]["perfect"]["category_intervals"]["single_object"];
  // 40 images, a third of them right: 1/3 -+ 1.96 x sqrt(1/3 x 2/3 / 40), where three captions would reach 0 and 1.
  EXPECT_NEAR(interval[0].get<double>(), 0.33 - 0.146, 0.05);
  EXPECT_NEAR(interval[1].get<double>(), 0.33 + 0.146, 0.05);
}

TEST(Evaluate, PutsARealFloorBelowABlankModel) {
  const auto report = evaluate(std::vector{blank()}, held_out());
  EXPECT_EQ(report["floor"]["images"], 120);
  EXPECT_EQ(report["floor"]["against"], 120);
  EXPECT_GT(report["models"]["blank"]["frechet"], report["floor"]["frechet"]);
  const double kid = report["floor"]["kid"], error = report["floor"]["kid_error"];
  EXPECT_LT(std::abs(kid), 4 * error) << "KID is unbiased";
  EXPECT_GT(report["models"]["blank"]["kid"].get<double>(), 20 * error);
  EXPECT_NE(report["notes"].back().get<std::string>().find("fewer than twice the 240 samples"), std::string::npos);
}

TEST(Evaluate, OfStatisticsAloneHasNoKernelDistance) {
  const auto full = held_out();
  const auto report = evaluate(std::vector{blank()}, Reference{full.gaussian});
  EXPECT_EQ(report["models"]["blank"]["frechet"], evaluate(std::vector{blank()}, full)["models"]["blank"]["frechet"]);
  EXPECT_FALSE(report["models"]["blank"].contains("kid"));
  EXPECT_FALSE(report.contains("floor"));
}

TEST(Evaluate, RefusesModelsThatCannotBeCompared) {
  const auto reference = held_out();
  auto other_prompts = perfect();
  other_prompts.name = "other";
  std::swap(other_prompts.prompts[0], other_prompts.prompts[1]);
  auto too_few = blank();
  too_few.images_NHWC = too_few.images_NHWC.narrow(0, 0, 5);
  EXPECT_THROW(evaluate({}, reference), ConfigError);
  EXPECT_THROW(evaluate(std::vector{perfect(), perfect()}, reference), ConfigError);
  EXPECT_THROW(evaluate(std::vector{perfect(), other_prompts}, reference), ConfigError);
  EXPECT_THROW(evaluate(std::vector{perfect(), too_few}, reference), ConfigError);
}

TEST(CheckEvaluation, RefusesAReferenceOfAnotherSize) {
  const std::vector models{blank()};
  EXPECT_NO_THROW(check_evaluation(models, at::zeros({2, 24, 24, 3}, at::kByte)));
  EXPECT_THROW(check_evaluation(models, at::zeros({2, 32, 32, 3}, at::kByte)), ConfigError);
}

TEST(MarkdownTable, HasARowForEachModelInTheOrderGiven) {
  const auto table = markdown_table(evaluate(std::vector{perfect(), blank()}, held_out()));
  EXPECT_EQ(
      table.find(
          "| model | steps | evaluations | ms_per_image | overall | single_object | two_object | counting "
          "| colors | position | color_attr | frechet | 1000 kid | layouts | layouts / perfect | spread / perfect | "
          "undecided |\n| --- |"),
      0u)
      << table;
  EXPECT_LT(table.find("| perfect | 28 | 56 | 1.500 | "), table.find("| blank | 1 | 1 | 0.050 | 0.000 [0.00, 0.00] |"))
      << table;
  EXPECT_LT(table.find("| blank |"), table.find("| floor: 120 real images against 120 others |  |")) << table;
}

TEST(WriteReport, PutsTableAndImageBesideTheJson) {
  namespace fs = std::filesystem;
  const auto folder = fs::path(::testing::TempDir()) / "fgm_report_test";
  const std::vector models{perfect()};
  const auto report = evaluate(models, held_out());
  write_report(folder / "report.json", report, models);
  std::ifstream json(folder / "report.json");
  EXPECT_EQ(nlohmann::ordered_json::parse(json), report);
  EXPECT_TRUE(fs::exists(folder / "report.md"));
  EXPECT_TRUE(fs::exists(folder / "report.png"));
  fs::remove_all(folder);
}

TEST(ComparisonSheet, ShowsTheFirstImageOfEachPromptEnlarged) {
  auto model = perfect();
  model.prompts[1] = model.prompts[0];
  const auto one_row = comparison_sheet(std::vector{model}, 1), two_rows = comparison_sheet(std::vector{model}, 2);
  const auto shows = [&](const at::Tensor& sheet, int64_t row, int64_t index) {
    const auto large = model.images_NHWC[index].repeat_interleave(4, 0).repeat_interleave(4, 1);
    const int64_t top = 48 + row * 104, left = 2 * 8 + 18 * 12;
    return at::equal(sheet.narrow(0, top, 96).narrow(1, left, 96), large);
  };
  EXPECT_TRUE(shows(one_row, 0, 0));
  EXPECT_TRUE(shows(two_rows, 1, 2)) << "the second prompt is the first one's repetition";
}

TEST(ComparisonSheet, HasNoMoreRowsThanPrompts) {
  auto model = perfect();
  for (auto& prompt : model.prompts) prompt = "a photo of a t-shirt";
  const std::vector models{model};
  EXPECT_EQ(comparison_sheet(models, 1).sizes(), comparison_sheet(models, 12).sizes());
}

}  // namespace
}  // namespace fgm
