// `--dry-run` and the start refuse the same in the same words: they share their checks (launch/job/start_checks.h).
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/api/module.h>

#include "core/io/npz.h"
#include "core/io/safetensors.h"
#include "data/store/store.h"
#include "tests/support/in_process.h"
#include "tests/support/small_job.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// The line that a command ends with.
std::string last_word(const Outcome& outcome) {
  const size_t begin = outcome.text.find("fgm: ");
  return begin == std::string::npos ? outcome.text : outcome.text.substr(begin);
}

class DryRun : public SmallJob {
 protected:
  // Both refuse it with exit code 2 in one line, which holds `reason`.
  void expect_refused(const fs::path& folder, const std::string& arguments, const std::string& reason) {
    const auto dry = in_process(folder, arguments + " --dry-run");
    EXPECT_EQ(dry.code, kExitConfig) << arguments << "\n" << dry.text;
    EXPECT_THAT(last_word(dry), HasSubstr(reason));
    EXPECT_EQ(last_word(in_process(folder, arguments)), last_word(dry)) << arguments;
  }
  std::string sample_arguments(const std::string& more) {
    return "sample --sample.weights " + path("teacher") + " --steps 1 --run.threads 1 --sample.prompts " +
           path("held_out.h5") + " " + more;
  }
};

TEST_F(DryRun, OfTrainRefusesWhatTheStartDoes) {
  const auto here = place("train");
  ASSERT_EQ(in_process(here, train_arguments("--steps 2")).code, kExitDone);
  const auto listing = [&] { return shell("cd " + here.string() + " && find run | sort && md5sum run/*.*").text; };
  const std::string before = listing();
  const auto good = in_process(here, train_arguments("--steps 4 --dry-run"));
  EXPECT_EQ(good.code, kExitDone) << good.text;
  EXPECT_THAT(good.text, HasSubstr("it would resume from step 2"));
  EXPECT_THAT(good.text, HasSubstr("changed since step 2: train.steps: the checkpoint has 2, this run 4"));
  expect_refused(here, train_arguments("--steps 4 --train.batch 5"), "train.batch: the checkpoint has 12, this run 5");
  expect_refused(here, train_arguments("--steps 1"), "is at step 2 already");
  expect_refused(here, train_arguments("--steps 4 --resume never"), "already holds checkpoints");
  EXPECT_EQ(listing(), before);

  const auto empty = place("train_anew");
  expect_refused(empty, train_arguments("--resume nothing"), "--resume nothing: no checkpoint there");
  expect_refused(empty, train_arguments("--model.patch_size 5"),
                 "24 x 24 cannot be cut into patches of model.patch_size = 5");
  EXPECT_FALSE(fs::exists(empty / "run")) << "no start got that far";
}

TEST_F(DryRun, CaptionsThatAreTooLongAreCountedBeforeTheFirstStepAndTheNumberThatWouldDoIsNamed) {
  const auto here = place("captions");
  std::vector<std::string> prompts(12, "a red circle");
  prompts[3] = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen";
  prompts[7] = "one two three four five six seven eight nine ten eleven twelve thirteen";
  write_store(here / "long.h5", {"images", {{"made_by", "a test"}}, prompts, at::zeros({12, 24, 24, 3}, at::kByte)});
  const std::string named = "long.h5: 2 of 12 captions are longer than text.num_tokens = 12 words; the first: 'one two";
  expect_refused(here, train_arguments("--data.store long.h5"), named);
  const auto refused = in_process(here, train_arguments("--data.store long.h5"));
  EXPECT_THAT(refused.text, HasSubstr("text.num_tokens = 14 would do for all of them"));
  EXPECT_EQ(in_process(here, train_arguments("--data.store long.h5 --text.num_tokens 14 --steps 1")).code, kExitDone);

  const std::string fixed = "the weights were trained with that number: give shorter captions";
  expect_refused(here, distill_arguments("--data.store long.h5"), fixed);
  std::ofstream(here / "prompts.txt") << "a red circle\n" << prompts[3] << "\n";
  expect_refused(here, sample_arguments("--sample.prompts prompts.txt --sample.out drawn"), fixed);
  EXPECT_FALSE(fs::exists(here / "drawn"));
}

TEST_F(DryRun, OfDistillRefusesWhatTheStartDoes) {
  const auto here = place("distill");
  expect_refused(here, distill_arguments("--method.sample_size 7"), "method.sample_size: 7 x 7 cannot be cut into");
  expect_refused(here, distill_arguments("--method.sample_size 600"),
                 "does not fit the model's position table of 8 x 8");
  expect_refused(here, distill_arguments("--init nothing"), "nothing: no such weights file or run folder");
  expect_refused(here, distill_arguments("--resume nothing"), "--resume nothing: no checkpoint there");
  expect_refused(here, distill_arguments("--data.store nothing.h5"), "nothing.h5");
  expect_refused(here, distill_arguments("--method.loss regression"), "is a store of images, regression needs pairs");
  ASSERT_EQ(
      in_process(here, "pairs --steps 1 --run.threads 1 --out pairs.h5 --sample.sample_size 12 --sample.weights " +
                           path("teacher") + " --sample.prompts " + path("held_out.h5"))
          .code,
      kExitDone);
  expect_refused(here, distill_arguments("--method.loss regression --data.store pairs.h5"),
                 "pairs.h5: its pairs are 3 x 12 x 12 (channels x height x width), and the student makes 3 x 24 x 24");
  expect_refused(here, distill_arguments("--method.loss regression --method.captions scenes"),
                 "method.captions = scenes: this method.loss has its captions from data.store");
  expect_refused(here, train_arguments("--data.store pairs.h5"), "pairs.h5' holds pairs only");
  ASSERT_EQ(in_process(here, distill_arguments("--steps 1")).code, kExitDone);
  expect_refused(here, distill_arguments("--steps 2 --seed 7"), "run.seed: the checkpoint has 1, this run 7");
}

TEST_F(DryRun, ComparesTheNetworkAndTheTrainingOfTheWeightsThatAStudentStartsFrom) {
  const auto here = place("init");
  const auto train = [&](const std::string& name, const std::string& more) {
    const auto trained = in_process(here, train_arguments("--steps 1 --run " + name + " " + more));
    ASSERT_EQ(trained.code, kExitDone) << trained.text;
  };
  train("heads", "--model.num_heads 4 --model.head_width 8");  // of the teacher's shapes
  expect_refused(here, distill_arguments("--student.init heads"),
                 "student.init = heads: its weights are of another network than the teacher's: "
                 "model.num_heads = 4 (the teacher: 2), model.head_width = 8 (the teacher: 16)");
  train("tokens", "--text.num_tokens 20");
  const auto tokens = in_process(here, distill_arguments("--init tokens --dry-run"));
  EXPECT_EQ(tokens.code, kExitDone) << tokens.text;
  const std::string warning = "method.init = tokens was trained with text.num_tokens = 20 (this run: 12)";
  EXPECT_THAT(tokens.text, HasSubstr(warning));
  EXPECT_EQ(tokens.text.find(warning), tokens.text.rfind(warning)) << "student and estimator start from one file";

  ASSERT_EQ(in_process(here, distill_arguments("--steps 1 --method.init_time 0.5 --run student")).code, kExitDone);
  const std::string of_student = "student.init = student was trained with";
  const auto times = in_process(here, distill_arguments("--student.init student --dry-run"));
  EXPECT_THAT(times.text, HasSubstr(of_student + " method.init_time = 0.5 (this run: 1)"));
  const auto same = in_process(here, distill_arguments("--student.init student --method.student_times 0.5 --dry-run"));
  EXPECT_EQ(same.code, kExitDone) << same.text;
  EXPECT_THAT(same.text, testing::Not(HasSubstr(of_student)));
}

TEST_F(DryRun, OfADistillationThatIsPlannedNamesWhatIsNotThereYet) {
  const auto here = place("plan");
  std::ofstream(here / "plan.cfg") << "[data]\nstore = captions.h5\n[teacher]\nweights = models/teacher\n";
  const auto plan = in_process(here, "distill --config plan.cfg --dry-run");
  EXPECT_EQ(plan.code, kExitDone) << plan.text;
  EXPECT_THAT(plan.text, testing::AllOf(HasSubstr("was not checked:\n  run.dir is not set\n"),
                                        HasSubstr("  data.store = captions.h5 is not there yet\n"),
                                        HasSubstr("  teacher.weights = models/teacher is not there yet\n")));
  const auto other = in_process(here, "distill --config plan.cfg --dry-run --method.captions scenes");
  EXPECT_THAT(other.text, testing::AllOf(HasSubstr("method.captions      scenes\n"),
                                         testing::Not(HasSubstr("captions.h5 is not there yet"))));
  expect_refused(
      here,
      "distill --config plan.cfg --run run --data.store " + path("shapes.h5") + " --teacher.weights models/teacher",
      "models/teacher: no such weights file or run folder");
}

TEST_F(DryRun, ComparesNoDigestsAndTheStartDoes) {
  const auto here = place("digests");
  fs::copy(path("teacher"), here / "teacher", fs::copy_options::recursive);
  const auto weights = here / "teacher/checkpoints/step-00000002/teacher_ema-00000-of-00001.safetensors";
  std::fstream(weights, std::ios::in | std::ios::out | std::ios::binary).seekp(-4, std::ios::end).write("abcd", 4);
  write_safetensors(here / "in.safetensors", {{"x_t", at::zeros({1, 3, 24, 24})},
                                              {"t", at::zeros({1})},
                                              {"context", at::zeros({1, 12, 64})},
                                              {"pooled", at::zeros({1, 64})}});
  for (const std::string& arguments :
       {sample_arguments("--sample.out images --sample.weights teacher"),
        distill_arguments("--steps 1 --teacher.weights teacher"), std::string("export --out exported teacher"),
        std::string("forward --inputs in.safetensors --out out.safetensors --weights teacher")}) {
    const auto dry = in_process(here, arguments + " --dry-run");
    EXPECT_EQ(dry.code, kExitDone) << dry.text;
    const auto refused = in_process(here, arguments);
    EXPECT_EQ(refused.code, kExitConfig) << arguments;
    EXPECT_THAT(refused.text, testing::AllOf(HasSubstr("skipping step 2"), HasSubstr("no complete checkpoint in it")));
  }
  for (const std::string name : {"images", "run", "exported", "out.safetensors"}) {
    EXPECT_FALSE(fs::exists(here / name)) << name;
  }
}

TEST_F(DryRun, OfPairsRefusesWhatTheStartDoes) {
  const auto here = place("pairs");
  ASSERT_EQ(in_process(here, distill_arguments("--steps 1")).code, kExitDone);
  const std::string pairs = "pairs --run.threads 1 --sample.weights " + path("teacher") + " --sample.prompts " +
                            path("held_out.h5") + " --out pairs.h5 ";
  expect_refused(here, pairs + "--out pairs", "must end in .h5");
  expect_refused(here, pairs + "--sample.weights run", "no weights of role teacher");
  expect_refused(here, pairs + "--sample.weights run --sample.role student --steps 1", "is a student (student)");
  EXPECT_EQ(in_process(here, pairs + "--dry-run").code, kExitDone);
  EXPECT_FALSE(fs::exists(here / "pairs.h5"));
}

TEST_F(DryRun, OfSampleRefusesWhatTheStartDoes) {
  const auto here = place("sample");
  fs::create_directories(here / "full");
  std::ofstream(here / "full/manifest.jsonl") << "others\n";
  expect_refused(here, sample_arguments("--sample.out full"), "full holds something else than these images");
  expect_refused(here, sample_arguments("--sample.out x --sample.sample_size 7"),
                 "sample.sample_size: 7 x 7 cannot be");
  expect_refused(here, sample_arguments("--sample.out x --sample.prompts nothing.txt"),
                 "cannot open nothing.txt: No such file");
}

TEST_F(DryRun, OfForwardExportAndEvalRefusesWhatTheStartDoes) {
  const auto here = place("others");
  write_safetensors(here / "in.safetensors", {{"x_t", at::zeros({1, 3, 25, 24})},
                                              {"t", at::zeros({1})},
                                              {"context", at::zeros({1, 12, 64})},
                                              {"pooled", at::zeros({1, 64})}});
  expect_refused(here, "forward --inputs in.safetensors --out out.safetensors --weights " + path("teacher"),
                 "25 x 24 pixels cannot be cut");
  expect_refused(here, "export --out in.safetensors --format single-file " + path("teacher"), "is there already");

  const auto drawn = [&](const std::string& file, int64_t side) {
    fs::create_directories((here / file).parent_path());
    write_store(here / file, {"samples",
                              {{"evaluations", 1}, {"steps", 1}, {"ms_per_image", 1.0}},
                              {"a red circle", "a blue square"},
                              at::randint(0, 255, {2, side, side, 3}).to(at::kByte)});
  };
  drawn("lr=1e-4,batch=8/drawn.h5", 24);
  drawn("reference.h5", 16);
  drawn("held_out.h5", 24);
  const std::string eval = "eval --run . --eval.samples student=lr=1e-4,batch=8/drawn.h5,again=held_out.h5 ";
  expect_refused(here, eval + "--eval.reference reference.h5",
                 "the samples are 24 x 24 x 3, the reference 16 x 16 x 3");
  expect_refused(here, "eval --run . --eval.reference held_out.h5 --eval.samples a=held_out.h5,b",
                 "eval.samples holds 'b', which is not name=store");
  write_npz(here / "other.npz", {{"mu", at::zeros({3}, at::kDouble)}, {"sigma", at::eye(3, at::kDouble)}});
  expect_refused(here, eval + "--eval.statistics other.npz",
                 "eval.statistics = other.npz is of 3 features, and eval.features = random-conv has 64");
  torch::jit::Module wide("wide");
  wide.define("def forward(self, x):\n    return torch.zeros([x.size(0), 4000000])\n");
  wide.save(here / "wide.pt");
  expect_refused(here, eval + "--eval.reference held_out.h5 --eval.features wide.pt",
                 "eval.features = wide.pt needs at least ");  // two covariances of 128 TB
  const auto scored = in_process(here, eval + "--eval.reference held_out.h5");
  EXPECT_EQ(scored.code, kExitDone) << scored.text;
  EXPECT_THAT(scored.text, HasSubstr("| student |"));
}

}  // namespace
}  // namespace fgm
