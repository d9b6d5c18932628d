#include "launch/runtime/observers/progress_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

namespace fgm {
namespace {

class ProgressLineTest : public testing::Test {
 protected:
  ~ProgressLineTest() override {
    std::fclose(out_);
    std::free(text_);
  }
  std::string written() {
    std::fflush(out_);
    return {text_, size_};
  }

  char* text_ = nullptr;
  size_t size_ = 0;
  std::FILE* out_ = open_memstream(&text_, &size_);
  const StepReport report_ = {"student", 64, true, {{"l1", 0.25}, {"loss.student", 1.5}, {"lr.student", 0.1}}};
};

TEST_F(ProgressLineTest, PlainLinesComeEveryLogEveryStepsAndAtTheEnd) {
  ProgressLine line(out_, {.label = "distill", .log_every = 2});
  for (int64_t step = 1; step <= 5; ++step) line.on_step(step, 5, 0.5, report_);
  line.on_end(5);
  EXPECT_EQ(written(),
            "distill 2/5  l1 0.25  loss.student 1.5  128 images/s  ETA 2 s\n"
            "distill 4/5  l1 0.25  loss.student 1.5  128 images/s  ETA 1 s\n"
            "distill 5/5  l1 0.25  loss.student 1.5  128 images/s\n");
}

TEST_F(ProgressLineTest, TerminalLineIsRewrittenTenTimesASecondAtMost) {
  ProgressLine line(out_, {.label = "train", .log_every = 1, .terminal_columns = 200});
  for (int64_t step = 1; step <= 100; ++step) line.on_step(step, 1000, 0.0625, report_);
  line.on_end(100);
  const std::string text = written();
  // The first step, then every second one (2 x 0.0625 s is the first multiple above 0.1 s), the stop at step 100.
  EXPECT_EQ(std::count(text.begin(), text.end(), '\r'), 51);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  EXPECT_THAT(text, testing::HasSubstr("\rtrain 100/1000  "));
}

TEST_F(ProgressLineTest, ScoresStayUntilThereAreNewerOnes) {
  ProgressLine line(out_, {.label = "train", .log_every = 1});
  for (const double score : {0.25, 0.0, 0.5}) {
    StepReport report{"train", 64, true, {{"loss.teacher", 1.5}}};
    if (score > 0.0) report.values["score.overall"] = score;
    line.on_step(1, 1, 0.5, report);
  }
  EXPECT_EQ(written(),
            "train 1/1  loss.teacher 1.5  score.overall 0.25  128 images/s\n"
            "train 1/1  loss.teacher 1.5  score.overall 0.25  128 images/s\n"
            "train 1/1  loss.teacher 1.5  score.overall 0.5  128 images/s\n");
}

TEST_F(ProgressLineTest, TerminalLineNeverWraps) {
  ProgressLine line(out_, {.label = "train", .log_every = 1, .terminal_columns = 20});
  line.on_step(1, 10, 1.0, report_);
  EXPECT_EQ(written(), "\rtrain 1/10  l1 0.25\x1b[K");
}

TEST_F(ProgressLineTest, MemoryStreamIsNoTerminal) {
  EXPECT_EQ(terminal_columns(out_), 0);
}

}  // namespace
}  // namespace fgm
