#include "core/eval/report.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "core/base/error.h"
#include "core/eval/comparison_sheet.h"
#include "core/eval/frechet.h"
#include "core/eval/shapes/dataset.h"

namespace fgm {
namespace {

shapes::ShapesDataset scenes(uint64_t seed) {
  return shapes::make_shapes(24, 240, seed, shapes::Split::kHeldOut);
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
  const auto report = evaluate(std::vector{perfect(), blank()}, scenes(2).images_NHWC);
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
  const auto models = evaluate(std::vector{perfect(), blank()}, scenes(2).images_NHWC)["models"];
  EXPECT_EQ(models["blank"]["overall"], 0.0);
  EXPECT_GT(models["blank"]["frechet"].get<double>(), 10 * models["perfect"]["frechet"].get<double>());
}

TEST(Evaluate, GivesPhotographsTheirFrechetDistanceAlone) {
  auto model = perfect();
  for (auto& prompt : model.prompts) prompt = "a photo of a t-shirt";
  const auto report = evaluate(std::vector{model}, scenes(2).images_NHWC);
  EXPECT_TRUE(report["models"]["perfect"].contains("frechet"));
  EXPECT_FALSE(report["models"]["perfect"].contains("overall"));
  EXPECT_FALSE(report["models"]["perfect"].contains("categories"));
  EXPECT_EQ(report["prompts"], 1);
}

TEST(Evaluate, RefusesModelsThatCannotBeCompared) {
  const auto held_out = scenes(2).images_NHWC;
  auto other_prompts = perfect();
  other_prompts.name = "other";
  std::swap(other_prompts.prompts[0], other_prompts.prompts[1]);
  auto too_few = blank();
  too_few.images_NHWC = too_few.images_NHWC.narrow(0, 0, 5);
  EXPECT_THROW(evaluate({}, held_out), ConfigError);
  EXPECT_THROW(evaluate(std::vector{perfect(), perfect()}, held_out), ConfigError);
  EXPECT_THROW(evaluate(std::vector{perfect(), other_prompts}, held_out), ConfigError);
  EXPECT_THROW(evaluate(std::vector{perfect(), too_few}, held_out), ConfigError);
}

TEST(MarkdownTable, HasARowForEachModelInTheOrderGiven) {
  const auto table = markdown_table(evaluate(std::vector{perfect(), blank()}, scenes(2).images_NHWC));
  EXPECT_EQ(table.find("| model | steps | evaluations | ms_per_image | overall | single_object | two_object | counting "
                       "| colors | position | color_attr | frechet |\n| --- |"),
            0u)
      << table;
  EXPECT_LT(table.find("| perfect | 28 | 56 | 1.500 |"), table.find("| blank | 1 | 1 | 0.050 | 0.000 |")) << table;
  EXPECT_EQ(std::ranges::count(table, '\n'), 4);
}

TEST(WriteReport, PutsTableAndImageBesideTheJson) {
  namespace fs = std::filesystem;
  const auto folder = fs::path(::testing::TempDir()) / "fgm_report_test";
  const std::vector models{perfect()};
  const auto report = evaluate(models, scenes(2).images_NHWC);
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
