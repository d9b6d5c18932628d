// External weights as teacher of a whole run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/launch/sd3/sd3_job.h"
#include "tests/support/run_files.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class Distill : public Sd3Job {
 protected:
  void SetUp() override { must_run("data shapes --shapes.count 20 --shapes.held_out_count 20 --out captions.h5"); }

  // Runs in a folder of the name `run`.
  static std::string arguments(const std::string& run, const std::string& more) {
    return fmt::format(
        "distill --run {} --teacher.weights {} --data.store captions.h5 --run.threads 1 --method.batch 4 "
        "--method.teacher_guidance 4.5 --method.estimator_guidance 4.5 --student.ema 0.5 {}",
        run, kPipeline, more);
  }
  std::vector<double> losses(const std::string& run) { return metric(folder_ / run, "loss.student"); }
};

TEST_F(Distill, APipelineOnOneAndTwoRanksGivesTheSameLossesAndImagesOfItsDecoder) {
  must_run(arguments("one", "--steps 3 --run.sample_every 3"));
  must_run(arguments("two", "--steps 3 --run.sample_every 3"), 2);
  ASSERT_EQ(losses("one").size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    // Sums over batches of another size round otherwise.
    EXPECT_NEAR(losses("two")[i], losses("one")[i], 1e-4 * std::abs(losses("one")[i]));
  }
  EXPECT_TRUE(fs::exists(folder_ / "two/samples/step-00000003.png"));
}

TEST_F(Distill, GoesOnFromACheckpointBitForBit) {
  must_run(arguments("whole", "--steps 4"), 2);
  must_run(arguments("parts", "--steps 4 --run.save_every 2"), 2);
  fs::remove_all(folder_ / "parts/checkpoints/step-00000004");
  must_run(arguments("parts", "--steps 4"), 2);
  EXPECT_EQ(losses("parts"), losses("whole"));
  const auto files = [&](const std::string& run) {
    return stored_tensors(folder_ / run / "checkpoints/step-00000004");
  };
  ASSERT_GT(files("whole").size(), 50u);
  EXPECT_TRUE(files("whole") == files("parts"));
}

TEST_F(Distill, ATeacherInBfloat16IsTheSameTeacherRounded) {
  must_run(arguments("fp32", "--steps 1"), 2);
  must_run(arguments("bf16", "--steps 1 --teacher.dtype bf16"), 2);
  const double exact = metric(folder_ / "fp32", "l1").at(0), rounded = metric(folder_ / "bf16", "l1").at(0);
  EXPECT_NE(exact, rounded);
  // Student and teacher are the same network before the first step, so that L1 is what bfloat16 and one update of the
  // estimator make of it: 8 bits, at a guidance of 4.5.
  EXPECT_NEAR(rounded, exact, 0.05 * std::max(exact, 1.0));
  EXPECT_EQ(metric(folder_ / "fp32", "loss.estimator").at(0), metric(folder_ / "bf16", "loss.estimator").at(0));
}

TEST_F(Distill, AStudentIsNoTeacherInAnyForm) {
  distill_without_a_change();
  must_run("export student --role student --format single-file --out student.safetensors");
  must_run("export student --role student --out folder");
  const std::map<std::string, std::string> forms = {{"student", "no weights of role teacher_ema, teacher in it"},
                                                    {"student.safetensors", "its role is student, and teacher_ema or"},
                                                    {"folder", "its role is student, and teacher_ema or teacher was"}};
  for (const auto& [weights, reason] : forms) {
    for (const std::string mode : {"", "--dry-run "}) {
      const auto refused =
          run("distill --run x --steps 1 --data.store captions.h5 " + mode + "--teacher.weights " + weights);
      EXPECT_EQ(refused.code, kExitConfig) << weights << refused.text;
      EXPECT_THAT(refused.text, HasSubstr(reason));
    }
  }
  must_run(arguments("goes_on", "--steps 1 --init student.safetensors"));
}

TEST_F(Distill, NoDecoderIsOpenedWhereThereAreNoSampleGrids) {
  ASSERT_EQ(run(arguments("grids", "--steps 1 --sample.vae nowhere")).code, kExitConfig);
  must_run(arguments("no_grids", "--steps 1 --sample.vae nowhere --run.sample_every 0"));
}

TEST_F(Distill, OtherSizesOfLatentsAreAsked) {
  must_run(arguments("larger", "--steps 1 --method.sample_size 12"));
  const auto refused = run(arguments("too_large", "--steps 1 --method.sample_size 16"));
  EXPECT_EQ(refused.code, kExitConfig);
  EXPECT_THAT(refused.text, HasSubstr("does not fit the model's position table of 6 x 6"));
}

}  // namespace
}  // namespace fgm
