#include "launch/report/page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "core/base/error.h"
#include "core/config/config.h"
#include "core/io/file.h"
#include "core/io/png.h"
#include "launch/report/chart.h"
#include "launch/report/html.h"
#include "launch/runtime/run_folder.h"
#include "tests/launch/checkpoint/checkpoint_fixture.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

// What is wrong with the attributes of a tag, or with text between tags, where '<' and '&' stand for themselves.
std::string text_problem(const std::string& text) {
  for (size_t at = text.find_first_of("<&"); at != std::string::npos; at = text.find_first_of("<&", at + 1)) {
    const std::string entity = text.substr(at, text.find(';', at) - at);
    const bool is_known = entity == "&amp" || entity == "&lt" || entity == "&gt" || entity == "&quot" ||
                          (entity.starts_with("&#") && entity.find_first_not_of("0123456789", 2) == std::string::npos);
    if (!is_known) return "stray " + text.substr(at, 20);
  }
  return "";
}

std::string attribute_problem(const std::string& attributes) {
  for (size_t at = 0; (at = attributes.find_first_not_of(" \n", at)) != std::string::npos;) {
    const size_t equals = attributes.find("=\"", at), end = attributes.find('"', equals + 2);
    if (equals == std::string::npos || end == std::string::npos) return "no quoted value: " + attributes.substr(at, 20);
    at = end + 1;
  }
  return text_problem(attributes);
}

// What keeps `page` from being XML with properly nested elements; "" when nothing does.
std::string xml_problem(const std::string& page) {
  std::vector<std::string> open;
  size_t at = page.starts_with("<!DOCTYPE html>") ? 15 : 0;
  while (at < page.size()) {
    const size_t tag = std::min(page.find('<', at), page.size()), end = std::min(page.find('>', tag), page.size());
    if (const auto problem = text_problem(page.substr(at, tag - at)); !problem.empty()) return problem;
    at = end + 1;
    if (tag == page.size()) break;
    std::string inside = page.substr(tag + 1, end - tag - 1);
    const bool is_empty = inside.ends_with('/'), is_closing = inside.starts_with('/');
    if (is_empty) inside.pop_back();
    const std::string name = inside.substr(is_closing ? 1 : 0, inside.find_first_of(" \n") - (is_closing ? 1 : 0));
    if (is_closing && (open.empty() || open.back() != name)) return "</" + name + "> closes another";
    if (is_closing) open.pop_back();
    if (!is_closing && !is_empty) open.push_back(name);
    const std::string problem = is_closing ? "" : attribute_problem(inside.substr(name.size()));
    if (!problem.empty()) return problem;
  }
  return open.empty() ? "" : "<" + open.back() + "> is open";
}

class ReportPage : public testing::Test {
 protected:
  // A run with a name that a page must escape, two grids, a checkpoint and scores.
  fs::path make_run(const std::string& name, double last_loss, int64_t batch) {
    const fs::path path = folder_.path() / name;
    const RunFolder run(path);
    run.create();
    Config config;
    config.train.batch = batch;
    run.begin(config);
    std::string lines;
    for (int step = 1; step <= 4; ++step) {
      lines += fmt::format(R"({{"v":1,"step":{},"phase":"train","images":8,"loss.teacher":{},"ms.total":5}})", step,
                           step == 4 ? last_loss : 2.0) +
               "\n";
    }
    write_file(run.metrics_file(), lines + "<b>damaged</b>\n");
    for (const int64_t step : {2, 4}) write_png(run.sample_file(step), at::zeros({2, 2, 3}, at::kByte));
    return path;
  }

  TemporaryFolder folder_;
};

TEST(Html, EscapesAllThatMeansSomethingThere) {
  EXPECT_EQ(escape_html("<a href='x'>\"&\x01\xE9"), "&lt;a href=&#39;x&#39;&gt;&quot;&amp;\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(escape_html("caf\xC3\xA9"), "caf\xC3\xA9");
}

// RFC 4648, section 10.
TEST(Html, Base64IsThatOfTheStandard) {
  const std::vector<std::pair<std::string, std::string>> vectors = {
      {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : vectors) EXPECT_EQ(base64(bytes), text);
  EXPECT_EQ(base64("\xFF\xFE\xFD"), "//79");
}

TEST_F(ReportPage, IsWellFormedAndNeedsNothingBesideIt) {
  ASSERT_NE(xml_problem("<p><b></p></b>"), "");
  ASSERT_NE(xml_problem("<p>&nbsp;</p>"), "");
  const auto run = make_run("a & <b>", 0.25, 64);
  write_checkpoint(RunFolder(run).checkpoints() / "step-00000004", some_roles(), some_manifest(4, 2));
  write_file(run / "report.json",
             R"({"models":{"<teacher>":{"overall":0.5,"categories":{"colors":0.75},"frechet":0.0123456}}})");
  const std::string page = report_page(std::vector{read_run(run)});
  EXPECT_EQ(xml_problem(page), "");
  EXPECT_THAT(page, Not(HasSubstr("http")));
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, Not(HasSubstr("href")));
  for (size_t at = page.find("src="); at != std::string::npos; at = page.find("src=", at + 1)) {
    EXPECT_EQ(page.substr(at, 27), "src=\"data:image/png;base64,");
  }
}

TEST_F(ReportPage, ShowsWhatTheFilesHold) {
  const auto run = make_run("run", 0.25, 64);
  write_checkpoint(RunFolder(run).checkpoints() / "step-00000004", some_roles(), some_manifest(4, 2));
  write_file(run / "report.json",
             R"({"models":{"teacher_28":{"overall":0.5,"categories":{"colors":0.75},"frechet":0.0123456}}})");
  const std::string page = report_page(std::vector{read_run(run)});
  // 4 steps of 8 images from 2.0 to 0.25: the line runs from a quarter of the width at the top to the lower right.
  EXPECT_THAT(page, HasSubstr("<polyline points=\"146.5,26.0 235.0,26.0 323.5,26.0 412.0,206.0\""));
  EXPECT_THAT(page, HasSubstr("0.25 at 32 images"));
  EXPECT_THAT(page, Not(HasSubstr(">ms.total<")));
  EXPECT_THAT(page, HasSubstr("<figcaption>step 4</figcaption>"));
  EXPECT_THAT(page, HasSubstr("data:image/png;base64,iVBORw0KGgo"));
  EXPECT_THAT(page, HasSubstr("<td>step-00000004</td><td>4</td><td>2</td>"));
  EXPECT_THAT(page, HasSubstr("<tr><td>teacher_28</td><td>0.5</td><td>0.75</td><td>0.01235</td></tr>"));
  EXPECT_THAT(page, HasSubstr("1 damaged line(s) of metrics.jsonl are left out, the first is line 5"));
  EXPECT_THAT(page, HasSubstr("<td>train.batch</td><td>64</td>"));
}

TEST_F(ReportPage, ShowsTheFloorTheIntervalsAndTheNotesOfAReport) {
  const auto run = make_run("run", 0.25, 64);
  write_file(run / "report.json", R"({"models":{"a":{"overall":0.5,"overall_interval":[0.412345,0.6],"frechet":0.02}},
    "floor":{"frechet":0.01},"opponent":"a","notes":["no <floor>"]})");
  const std::string page = report_page(std::vector{read_run(run)});
  EXPECT_THAT(page, HasSubstr("<tr><td>a</td><td>0.5</td><td>[0.4123, 0.6]</td><td>0.02</td></tr>"));
  EXPECT_THAT(page, HasSubstr("<tr><td>floor (real against real)</td><td></td><td></td><td>0.01</td></tr>"));
  EXPECT_THAT(page, HasSubstr("opponent: a</p>"));
  EXPECT_THAT(page, HasSubstr("no &lt;floor&gt;</p>"));
}

TEST_F(ReportPage, ShowsNoTimeWhereADamagedFileHoldsNone) {
  const fs::path path = folder_.path() / "damaged";
  RunFolder(path).create();
  write_file(path / "metrics.jsonl", "{\"step\":1,\"images\":8,\"l1\":1.5,\"time\":1e300}\n");
  const std::string page = report_page(std::vector{read_run(path)});
  EXPECT_THAT(page, HasSubstr("<td>8</td><td>-</td>"));
}

TEST_F(ReportPage, ComparesRunsAndSaysWhatDiffers) {
  const auto a = make_run("a", 0.25, 64), b = make_run("b", 0.5, 32);
  const std::string page = report_page(std::vector{read_run(a), read_run(b)});
  EXPECT_EQ(xml_problem(page), "");
  EXPECT_THAT(page, HasSubstr("<tr><td>train.batch</td><td>64</td><td>32</td></tr>"));
  EXPECT_THAT(page, HasSubstr(">0.25</tspan> <tspan fill=\"#d62728\">0.5<"));
  const std::string difference =
      page.substr(page.find("What differs"), page.find("<details>") - page.find("What differs"));
  EXPECT_THAT(difference, Not(HasSubstr("train.steps")));
}

TEST_F(ReportPage, ShowsARunThatHasJustBegun) {
  RunFolder(folder_.path() / "new").create();
  const std::string page = report_page(std::vector{read_run(folder_.path() / "new")});
  EXPECT_EQ(xml_problem(page), "");
  EXPECT_THAT(page, HasSubstr("no checkpoint yet"));
}

TEST_F(ReportPage, StaysSmallHoweverLongTheRun) {
  const fs::path path = folder_.path() / "long";
  RunFolder(path).create();
  std::string lines;
  for (int step = 1; step <= 20000; ++step) {
    lines += fmt::format("{{\"step\":{},\"images\":8,\"l1\":{},\"cosine\":0.5}}\n", step, 1.0 / step);
  }
  write_file(path / "metrics.jsonl", lines);
  for (int step = 1; step <= 30; ++step) write_png(RunFolder(path).sample_file(step), at::zeros({2, 2, 3}, at::kByte));
  const std::string page = report_page(std::vector{read_run(path)});
  EXPECT_LT(page.size(), 60000u);
  EXPECT_THAT(page, HasSubstr("<figcaption>step 30</figcaption>"));
}

TEST(Chart, OfAConstantShowsNoRounding) {
  std::vector<MetricsPoint> points;
  for (int step = 1; step <= 1000; ++step) points.push_back({step, 8.0 * step, 0.1});
  const std::string svg = svg_chart("lr", {{"run", 0, bins_of(points, 240)}}, 8000.0);
  EXPECT_THAT(svg, HasSubstr(">0.095<"));
  EXPECT_THAT(svg, HasSubstr(">0.105<"));
}

TEST_F(ReportPage, OfAFolderThatIsNoRunIsRefused) {
  EXPECT_THAT(message_of<ConfigError>([&] { read_run(folder_.path() / "none"); }), HasSubstr("does not exist"));
  EXPECT_THAT(message_of<ConfigError>([&] { read_run(folder_.path()); }), HasSubstr("is no run's folder"));
}

TEST_F(ReportPage, SaysWhatCannotBeRead) {
  const auto run = make_run("run", 0.25, 64);
  write_file(run / "report.json", "{\"models\":");
  write_file(run / "samples/step-00000003.png", "no image");
  const std::string page = report_page(std::vector{read_run(run)});
  EXPECT_THAT(page, HasSubstr("is no report of fgm eval"));
  EXPECT_THAT(page, HasSubstr("step-00000003.png is not a PNG"));
  EXPECT_EQ(xml_problem(page), "");
}

}  // namespace
}  // namespace fgm
