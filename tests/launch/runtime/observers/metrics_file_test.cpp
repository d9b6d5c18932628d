#include "launch/runtime/observers/metrics_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/base/error.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;

class MetricsFileTest : public testing::Test {
 protected:
  ~MetricsFileTest() override { fs::remove(path_); }

  std::vector<nlohmann::json> lines() const {
    std::vector<nlohmann::json> parsed;
    std::ifstream file(path_);
    for (std::string line; std::getline(file, line);) parsed.push_back(nlohmann::json::parse(line));
    return parsed;
  }

  const fs::path path_ = fs::path(testing::TempDir()) / fmt::format("metrics_{}.jsonl", getpid());
};

TEST_F(MetricsFileTest, EveryStepIsALineThatIsOnDiskAtOnce) {
  MetricsFile metrics(path_, 0);
  metrics.on_step(1, 2, 0.5, {"student", 64, true, {{"loss.student", 1.5}, {"ms.total", 500.0}}});
  const auto read = lines();  // while the observer still lives
  ASSERT_EQ(read.size(), 1u);
  EXPECT_EQ(read[0]["v"], 1);
  EXPECT_EQ(read[0]["step"], 1);
  EXPECT_EQ(read[0]["phase"], "student");
  EXPECT_EQ(read[0]["images"], 64);
  EXPECT_EQ(read[0]["loss.student"], 1.5);
  EXPECT_EQ(read[0]["ms.total"], 500.0);
  EXPECT_EQ(read[0]["images_per_s"], 128.0);
  EXPECT_GT(read[0]["mem.host"], 1 << 20);
  EXPECT_GT(read[0]["time"], 1.7e9);
}

TEST_F(MetricsFileTest, NumberThatIsNotFiniteIsNull) {
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  MetricsFile(path_, 0).on_step(1, 2, 0.5, {"student", 64, false, {{"loss.student", nan}, {"l1", -infinity}}});
  ASSERT_EQ(lines().size(), 1u);
  EXPECT_TRUE(lines()[0]["loss.student"].is_null());
  EXPECT_TRUE(lines()[0]["l1"].is_null());
}

TEST_F(MetricsFileTest, ResumedRunWritesEveryStepOnce) {
  const auto write_steps = [&](int64_t first_step, int64_t last_step, double loss) {
    MetricsFile metrics(path_, first_step);
    for (int64_t step = first_step + 1; step <= last_step; ++step)
      metrics.on_step(step, 9, 0.5, {"train", 8, true, {{"loss.teacher", loss}}});
  };
  write_steps(0, 4, 1.0);
  std::ofstream(path_, std::ios::app) << "{\"v\": 1, \"step\": 5";  // killed while writing
  write_steps(2, 6, 2.0);
  const auto read = lines();
  ASSERT_EQ(read.size(), 6u);
  for (size_t i = 0; i < read.size(); ++i) {
    EXPECT_EQ(read[i]["step"], i + 1);
    EXPECT_EQ(read[i]["loss.teacher"], i < 2 ? 1.0 : 2.0);
  }
}

TEST_F(MetricsFileTest, FullDiskEndsTheRunForGood) {
  MetricsFile metrics("/dev/full", 0);
  try {
    metrics.on_step(1, 1, 0.5, {"train", 8, true, {}});
    FAIL() << "wrote to a full disk";
  } catch (const IoError& error) {
    EXPECT_EQ(error.exit_code(), kExitDoNotRequeue);
    EXPECT_STREQ(error.what(), "cannot write /dev/full: write: No space left on device");
  }
  EXPECT_THROW(MetricsFile("/nowhere/metrics.jsonl", 0), IoError);
}

}  // namespace
}  // namespace fgm
