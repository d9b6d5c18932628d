#include "launch/report/metrics_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/io/file.h"
#include "launch/report/curve.h"
#include "tests/support/temporary_folder.h"

namespace fgm {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string line(int64_t step, double loss) {
  return fmt::format(R"({{"v":1,"step":{},"phase":"train","images":8,"loss.teacher":{},"time":1000.5}})", step, loss) +
         "\n";
}

class MetricsLogTest : public testing::Test {
 protected:
  MetricsLog read(const std::string& text) {
    write_file(folder_.path() / "metrics.jsonl", text);
    return read_metrics(folder_.path() / "metrics.jsonl");
  }
  static std::vector<double> values(const MetricsLog& log) {
    std::vector<double> values;
    for (const auto& point : log.series.at("loss.teacher")) values.push_back(point.value);
    return values;
  }

  TemporaryFolder folder_;
};

TEST_F(MetricsLogTest, HasAPointForEachStepAtTheImagesSeen) {
  const auto log = read(line(1, 3.0) + line(2, 2.5));
  ASSERT_THAT(values(log), ElementsAre(3.0, 2.5));
  EXPECT_EQ(log.series.at("loss.teacher")[1].images, 16.0);
  EXPECT_EQ(log.last_step, 2);
  EXPECT_EQ(log.images, 16.0);
  EXPECT_EQ(log.phase, "train");
  EXPECT_EQ(log.last_time, 1000.5);
  EXPECT_THAT(log.remarks, IsEmpty());
}

TEST_F(MetricsLogTest, OfARunWithoutStepsIsEmpty) {
  EXPECT_EQ(read_metrics(folder_.path() / "none").last_step, 0);
  EXPECT_EQ(read("").last_step, 0);
}

TEST_F(MetricsLogTest, LeavesDamagedLinesOutAndSaysWhichIsTheFirst) {
  const auto log = read(line(1, 3.0) + "{\"step\":2,\"ima\n" + line(3, 2.0) + "[]\n");
  EXPECT_THAT(values(log), ElementsAre(3.0, 2.0));
  EXPECT_THAT(log.remarks,
              ElementsAre(HasSubstr("2 damaged line(s) of metrics.jsonl are left out, the first is line 2"),
                          HasSubstr("lacks 1 of 3 steps")));
  EXPECT_EQ(log.images, 24.0) << "the missing step saw images too";
}

TEST_F(MetricsLogTest, TakesTheLineThatIsBeingWrittenForNoDamage) {
  const auto log = read(line(1, 3.0) + "{\"step\":2,\"ima");
  EXPECT_THAT(values(log), ElementsAre(3.0));
  EXPECT_THAT(log.remarks, IsEmpty());
}

TEST_F(MetricsLogTest, FollowsTheLaterStartWhereStepsAreWrittenTwice) {
  const auto log = read(line(1, 1.0) + line(2, 2.0) + line(3, 3.0) + line(2, 20.0));
  EXPECT_THAT(values(log), ElementsAre(1.0, 20.0));
  EXPECT_EQ(log.images, 16.0);
  EXPECT_THAT(log.remarks, ElementsAre(HasSubstr("2 steps of metrics.jsonl were made again")));
}

TEST_F(MetricsLogTest, SaysThatAValueIsNotFinite) {
  const auto log = read(R"({"step":1,"images":8,"l1":null,"loss.teacher":1.0})"
                        "\n");
  EXPECT_FALSE(log.series.contains("l1"));
  EXPECT_THAT(log.remarks, ElementsAre("1 value(s) are not finite"));
}

TEST(Curve, StandsForItselfUpToTheMostBins) {
  const auto bins = bins_of({{1, 8, 3.0}, {2, 16, 1.0}}, 2);
  ASSERT_EQ(bins.size(), 2u);
  EXPECT_EQ(bins[1].x, 16.0);
  EXPECT_EQ(bins[1].mean, 1.0);
  EXPECT_THAT(bins_of({}, 2), IsEmpty());
}

TEST(Curve, OfManyPointsHasTheirMeansAndExtremes) {
  std::vector<MetricsPoint> points;
  for (int64_t i = 1; i <= 100000; ++i) points.push_back({i, static_cast<double>(i), i % 2 == 0 ? 1.0 : 3.0});
  const auto bins = bins_of(points, 240);
  ASSERT_EQ(bins.size(), 240u);
  EXPECT_NEAR(bins[100].mean, 2.0, 0.01);
  EXPECT_EQ(bins[100].lowest, 1.0);
  EXPECT_EQ(bins[100].highest, 3.0);
  EXPECT_EQ(bins.back().x, 100000.0);
}

}  // namespace
}  // namespace fgm
