// The main job on one rank, at a few steps: what it writes, how it stops, what it refuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/io/file.h"
#include "core/io/safetensors.h"
#include "data/store/store.h"
#include "launch/checkpoint/checkpoint.h"
#include "tests/support/in_process.h"
#include "tests/support/read_tensor.h"
#include "tests/support/run_files.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class MainJob : public testing::Test {
 protected:
  void SetUp() override { fs::create_directories(folder_); }
  void TearDown() override { fs::remove_all(folder_); }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  void make_shapes() {
    const auto made = in_process(folder_, "data shapes --out " + path("shapes.h5") + " --held-out " +
                                              path("held_out.h5") + " --shapes.count 60 --shapes.held_out_count 12");
    ASSERT_EQ(made.code, kExitDone) << made.text;
  }
  Outcome train(const std::string& run, const std::string& more) {
    return in_process(folder_, "train --run " + path(run) + " --data.store " + path("shapes.h5") + kSmall +
                                   " --train.batch 8 " + more);
  }
  Outcome distill(const std::string& run, const std::string& more) {
    return in_process(folder_, "distill --run " + path(run) + " --teacher.weights " + path("teacher") +
                                   " --data.store " + path("shapes.h5") +
                                   " --method.batch 4 --steps 2 --student.ema 0.9 " + more);
  }
  static constexpr const char* kSmall = " --model.depth 2 --model.num_heads 2 --run.threads 1";

  const fs::path folder_ = fs::path(testing::TempDir()) / fmt::format("fgm_main_job_{}", getpid());
};

TEST_F(MainJob, RunsFromScenesToAReport) {
  make_shapes();
  const auto trained = train("teacher", "--steps 3 --run.save_every 2 --run.sample_every 3 --optimizer.ema 0.9");
  ASSERT_EQ(trained.code, kExitDone) << trained.text;
  EXPECT_TRUE(fs::exists(path("teacher/DONE")));
  EXPECT_TRUE(fs::exists(path("teacher/samples/step-00000003.png")));
  EXPECT_TRUE(fs::exists(path("teacher/checkpoints/step-00000002/teacher_ema-00000-of-00001.safetensors")));
  ASSERT_EQ(metrics(path("teacher")).size(), 3u);

  const auto distilled = distill("student", "");
  ASSERT_EQ(distilled.code, kExitDone) << distilled.text;
  const auto last = metrics(path("student")).back();
  for (const char* key : {"loss.student", "loss.estimator", "l1", "grad_norm.student", "ms.total", "images_per_s"})
    EXPECT_TRUE(last.at(key).is_number()) << key;

  const std::string common = " --sample.prompts " + path("held_out.h5") + " --sample.out ";
  const auto many = in_process(folder_, "sample --sample.weights " + path("teacher") +
                                            " --steps 2 --sample.guidance 2" + common + path("teacher_2.h5"));
  ASSERT_EQ(many.code, kExitDone) << many.text;
  const auto one = in_process(folder_, "sample --sample.weights " + path("student") + " --steps 1 --sample.guidance 1" +
                                           common + path("student_1.h5"));
  ASSERT_EQ(one.code, kExitDone) << one.text;

  const auto scored = in_process(folder_, "eval --run " + path("report") + " --eval.reference " + path("held_out.h5") +
                                              " --eval.samples teacher_2=" + path("teacher_2.h5") +
                                              ",student_1=" + path("student_1.h5"));
  ASSERT_EQ(scored.code, kExitDone) << scored.text;
  const auto report = nlohmann::json::parse(std::ifstream(path("report/report.json")));
  EXPECT_EQ(report["models"]["teacher_2"]["evaluations"], 4);
  EXPECT_EQ(report["models"]["student_1"]["evaluations"], 1);
  EXPECT_EQ(report["models"]["student_1"]["categories"].size(), 6u);
  EXPECT_TRUE(fs::exists(path("report/report.png")));

  const auto shown = in_process(folder_, "report teacher student --out page/report.html");
  ASSERT_EQ(shown.code, kExitDone) << shown.text;
  const std::string page = read_file(path("page/report.html"));
  EXPECT_THAT(page, HasSubstr("<figcaption>step 3</figcaption>"));
  EXPECT_THAT(page, HasSubstr("<td>step-00000002</td><td>2</td><td>1</td>"));
  EXPECT_THAT(page, HasSubstr(">cosine<"));
}

TEST_F(MainJob, EachAverageIsSampledByItsNameAndTheFirstWithoutOne) {
  make_shapes();
  ASSERT_EQ(train("teacher", "--steps 1").code, kExitDone);
  ASSERT_EQ(distill("student", "--student.ema 0.9,0.5 --student.lr 0.05").code, kExitDone);
  const std::string step = path("student/checkpoints/step-00000002");
  const auto drawn = [&](const std::string& weights, const std::string& role) {
    const auto outcome = in_process(folder_, "sample --steps 1 --sample.guidance 1 --run.threads 1 --sample.prompts " +
                                                 path("held_out.h5") + " --sample.weights " + weights + role +
                                                 " --sample.out " + path("drawn.png"));
    EXPECT_EQ(outcome.code, kExitDone) << outcome.text;
    std::ifstream file(path("drawn.png"), std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  const std::string first = drawn(step, ""), second = drawn(step, " --sample.role student_ema_0.5");
  EXPECT_TRUE(drawn(step, " --sample.role student_ema") == first);
  EXPECT_FALSE(first == second);
  EXPECT_FALSE(drawn(step, " --sample.role student") == second);
  EXPECT_TRUE(drawn(step + "/student_ema_0.5-00000-of-00001.safetensors", "") == second);
}

TEST_F(MainJob, GivesTheSameLossesAgain) {
  make_shapes();
  ASSERT_EQ(train("a", "--steps 3").code, kExitDone);
  ASSERT_EQ(train("b", "--steps 3 --run.sample_every 1 --run.save_every 1").code, kExitDone);
  const auto a = metrics(path("a")), b = metrics(path("b"));
  ASSERT_EQ(a.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(a[i]["loss.teacher"], b[i]["loss.teacher"]) << "images and checkpoints must not change the run";
  }
  EXPECT_NE(a[0]["loss.teacher"], a[2]["loss.teacher"]);
}

TEST_F(MainJob, InterruptSavesTheStateAndLeavesWith75) {
  make_shapes();
  const auto interrupted =
      shell(FGM_BINARY " train --run " + path("teacher") + " --data.store " + path("shapes.h5") + kSmall +
            " --train.batch 8 --steps 1000000 & pid=$!; " + "until grep -qs '\"step\":2,' " +
            path("teacher/metrics.jsonl") + "; do sleep 0.05; done; kill -INT $pid; wait $pid");
  EXPECT_EQ(interrupted.code, kExitRequeue) << interrupted.text;
  EXPECT_FALSE(fs::exists(path("teacher/DONE")));
  const auto step = metrics(path("teacher")).back()["step"].get<int64_t>();
  const SafetensorsFile saved(
      path(fmt::format("teacher/checkpoints/step-{:08d}/teacher-00000-of-00001.safetensors", step)));
  EXPECT_EQ(saved.metadata().at("fgm.step"), std::to_string(step));

  const auto resumed = train("teacher", fmt::format("--steps {}", step + 2));
  EXPECT_EQ(resumed.code, kExitDone) << resumed.text;
  EXPECT_THAT(resumed.text, HasSubstr(fmt::format("going on from step {}", step)));
  EXPECT_EQ(metrics(path("teacher")).size(), static_cast<size_t>(step) + 2);
}

TEST_F(MainJob, ADivergedRunEndsWithDoNotRequeue) {
  make_shapes();
  const auto diverged = train("teacher", "--steps 1000 --optimizer.lr 1e30 --optimizer.clip 0");
  EXPECT_EQ(diverged.code, kExitDoNotRequeue) << diverged.text;
  EXPECT_THAT(diverged.text, HasSubstr("non-finite steps in a row"));
}

TEST_F(MainJob, RefusesWhatCannotWorkInOneLine) {
  make_shapes();
  ASSERT_EQ(train("teacher", "--steps 1").code, kExitDone);
  const auto expect_refused = [](const Outcome& outcome, const std::string& part) {
    EXPECT_EQ(outcome.code, kExitConfig);
    EXPECT_THAT(outcome.text, HasSubstr(part));
  };
  expect_refused(train("other", "--model.patch_size 5 --steps 1"), "model.patch_size = 5");
  expect_refused(distill("student", "--teacher.weights " + path("nowhere")), "no such weights file or run folder");
  expect_refused(distill("student", "--data.store " + path("nowhere.h5")), "nowhere.h5");
  expect_refused(distill("student", "--run.eval_every 1"), "run.eval_every = 1 needs run.eval_reference");
  const std::string larger = "data shapes --shapes.resolution 30 --shapes.count 2 --shapes.held_out_count 2 --out ";
  ASSERT_EQ(in_process(folder_, larger + path("30.h5") + " --held-out " + path("30h.h5")).code, kExitDone);
  expect_refused(train("other", "--steps 1 --run.eval_every 1 --run.eval_reference " + path("30.h5")),
                 "holds images of 30 x 30 x 3, and the run makes 24 x 24 x 3");
  expect_refused(distill("student", "--run.eval_every 1 --run.eval_reference " + path("30.h5")),
                 "holds images of 30 x 30 x 3, and the run makes 24 x 24 x 3");
  ASSERT_EQ(distill("student", "").code, kExitDone);
  const std::string sample = "sample --sample.prompts " + path("held_out.h5") + " --sample.weights " + path("student");
  expect_refused(in_process(folder_, sample + " --steps 28 --sample.out " + path("x.h5")),
                 "a student makes an image in the steps that it learnt");
  expect_refused(in_process(folder_, sample + " --steps 1 --sample.guidance 1 --sample.out " + path("x.txt")),
                 "must end in .h5");
}

TEST_F(MainJob, ARegressionOnPairsLearnsGoesOnBitForBitAndStartsADistillation) {
  make_shapes();
  ASSERT_EQ(train("teacher", "--steps 3").code, kExitDone);
  const auto written =
      in_process(folder_, "pairs --steps 2 --sample.weights " + path("teacher") + " --sample.prompts " +
                              path("held_out.h5") + " --sample.batch 5 --out " + path("pairs.h5"));
  ASSERT_EQ(written.code, kExitDone) << written.text;
  EXPECT_THAT(in_process(folder_, "inspect " + path("pairs.h5")).text,
              testing::AllOf(HasSubstr("store of pairs"), HasSubstr("samples: 3 x 24 x 24")));

  // Below one relative name in two folders: the config, with that name, stands in the files.
  const auto regress = [&](const std::string& place, int steps) {
    fs::create_directories(folder_ / place);
    return in_process(folder_ / place,
                      fmt::format("distill --run run --teacher.weights {} --data.store {} --method.loss "
                                  "regression --method.init_time 0.7 --method.batch 12 --student.ema 0.9 "
                                  "--student.lr 3e-3 --run.threads 1 --steps {}",
                                  path("teacher"), path("pairs.h5"), steps));
  };
  const auto whole = regress("whole", 20);
  ASSERT_EQ(whole.code, kExitDone) << whole.text;
  EXPECT_THAT(whole.text, HasSubstr("in 2 steps at guidance 1.0: no data but captions"));
  const auto losses = metric(path("whole/run"), "loss.student");
  EXPECT_LT(losses.back(), 0.9 * losses.front());

  ASSERT_EQ(regress("halves", 8).code, kExitDone);
  const auto resumed = regress("halves", 20);
  ASSERT_EQ(resumed.code, kExitDone) << resumed.text;
  EXPECT_EQ(metric(path("halves/run"), "loss.student"), losses);
  const auto files = tensors_of_step(path("whole/run"), 20);
  EXPECT_EQ(files.size(), 3u) << "weights, average and moments of the student, and of nothing else";
  EXPECT_TRUE(files == tensors_of_step(path("halves/run"), 20));

  const auto other_loss = distill("halves/run", "--steps 21 --method.batch 12");
  EXPECT_EQ(other_loss.code, kExitConfig);
  EXPECT_THAT(other_loss.text, HasSubstr("a regression trains no estimator"));
  EXPECT_EQ(distill("next", "--init " + path("whole/run")).code, kExitDone);
}

TEST_F(MainJob, ADistillationGoesOnWithTheStudentsAverageAndTheEstimatorOfAnother) {
  make_shapes();
  ASSERT_EQ(train("teacher", "--steps 1").code, kExitDone);
  ASSERT_EQ(distill("first", "--student.lr 1e-2 --estimator.lr 1e-2").code, kExitDone);
  // Rates that change no weight but by less than 1e-20.
  const auto next = distill("next", "--init " + path("first") + " --student.lr 1e-30 --estimator.lr 1e-30");
  ASSERT_EQ(next.code, kExitDone) << next.text;
  const std::string last = "checkpoints/step-00000002";
  const auto first = Checkpoint::open_head(fs::path(path("first")) / last);
  const auto second = Checkpoint::open_head(fs::path(path("next")) / last);
  for (const auto& [before, after] : {std::pair{"student_ema", "student"}, {"estimator", "estimator"}}) {
    const auto expected = first.source(before), found = second.source(after);
    for (const auto& info : expected->tensors()) {
      const auto a = read_tensor(*expected, info.name), b = read_tensor(*found, info.name);
      EXPECT_TRUE(at::allclose(a, b, 0, 1e-20)) << after << " " << info.name;
    }
  }
}

TEST_F(MainJob, DistilsOnTheGrammarOrAListWithoutAStore) {
  make_shapes();
  ASSERT_EQ(train("teacher", "--steps 1").code, kExitDone);
  std::ofstream(path("list.txt")) << "a circle\na red square\n";
  const std::string without_store = "distill --run.threads 1 --method.batch 4 --teacher.weights " + path("teacher");
  for (const auto& [captions, size] : {std::pair<std::string, int>("scenes", 3600), {path("list.txt"), 2}}) {
    const std::string run = path(fmt::format("student_{}", size));
    const auto distilled =
        in_process(folder_, without_store + " --steps 1 --method.captions " + captions + " --run " + run);
    ASSERT_EQ(distilled.code, kExitDone) << distilled.text;
    EXPECT_THAT(distilled.text, HasSubstr(fmt::format("{}: {} captions", captions, size)));
    const auto manifest =
        nlohmann::json::parse(std::ifstream(fs::path(run) / "checkpoints/step-00000001/manifest.json"));
    EXPECT_EQ(manifest["data"]["size"], size);
    EXPECT_EQ(manifest["data"]["captions_xxh128"].get<std::string>().size(), 32u);
  }
  std::ofstream(path("list.txt")) << "a circle\na blue square\n";
  const auto resumed = in_process(
      folder_, without_store + " --steps 2 --method.captions " + path("list.txt") + " --run " + path("student_2"));
  EXPECT_EQ(resumed.code, kExitDone);
  EXPECT_THAT(resumed.text, HasSubstr("list.txt are others"));
}

TEST_F(MainJob, TrainsDistilsAndSamplesOnPhotographs) {
  const std::string photos = FGM_SOURCE_DIR "/tests/golden/photographs";
  const auto packed = in_process(
      folder_, "data pack --images " + photos + " --captions folder --resolution 32 --out " + path("shapes.h5"));
  ASSERT_EQ(packed.code, kExitDone) << packed.text;
  ASSERT_EQ(Store(path("shapes.h5")).size(), 20);
  const std::string size_32 = "--model.patch_size 4 --steps 3";
  ASSERT_EQ(train("teacher", size_32).code, kExitDone);
  ASSERT_EQ(distill("student", "").code, kExitDone);
  std::ofstream(path("prompts.txt")) << "a photo of a t-shirt\na photo of a hat\n";
  const auto drawn = in_process(
      folder_, "sample --steps 1 --sample.guidance 1 --sample.per_prompt 2 --sample.weights " + path("student") +
                   " --sample.prompts " + path("prompts.txt") + " --sample.out " + path("drawn.h5"));
  ASSERT_EQ(drawn.code, kExitDone) << drawn.text;
  EXPECT_EQ(Store(path("drawn.h5")).image_shape(), (std::vector<int64_t>{32, 32, 3}));
  EXPECT_EQ(Store(path("drawn.h5")).size(), 4);
}

}  // namespace
}  // namespace fgm
