#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include "core/base/error.h"
#include "tests/support/rank_job.h"
#include "tests/support/run_files.h"

namespace fgm {

// A folder with what a small distillation needs, made once for all tests of a file: scenes and a teacher. Jobs run in
// sub-folders of it, below relative paths, so that two of them can be compared byte for byte.
class SmallJob : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder() = std::filesystem::path(testing::TempDir()) / fmt::format("fgm_small_job_{}", getpid());
    std::filesystem::create_directories(folder());
    const auto made = fgm("data shapes --shapes.count 60 --shapes.held_out_count 26 --out " + path("shapes.h5") +
                          " --held-out " + path("held_out.h5"));
    ASSERT_EQ(made.code, kExitDone) << made.text;
    const auto trained = fgm("train --run " + path("teacher") + " --data.store " + path("shapes.h5") + kTinyModel +
                             " --steps 2 --train.batch 8 --optimizer.ema 0.9 --run.threads 1");
    ASSERT_EQ(trained.code, kExitDone) << trained.text;
  }
  static void TearDownTestSuite() { std::filesystem::remove_all(folder()); }

  static std::string path(const std::string& name) { return (folder() / name).string(); }
  // A new folder for jobs that do not share files with others.
  static std::filesystem::path place(const std::string& name) {
    std::filesystem::create_directories(folder() / name);
    return folder() / name;
  }

  static std::string train_arguments(const std::string& more) {
    return "train --run run --data.store " + path("shapes.h5") + kTinyModel + kSettings +
           " --train.batch 12 --optimizer.ema 0.9 " + more;
  }
  static std::string distill_arguments(const std::string& more) {
    return "distill --run run --data.store " + path("shapes.h5") + " --teacher.weights " + path("teacher") + kSettings +
           " --method.batch 12 --method.estimator_steps 2 --student.beta1 0 --student.ema 0.9,0.99 " + more;
  }
  // Runs in `place`/run to its end.
  static Outcome run(int ranks, const std::filesystem::path& place, const std::string& arguments) {
    return shell(on_ranks(ranks, place, arguments));
  }

  static constexpr const char* kTinyModel = " --model.depth 2 --model.num_heads 2 --model.head_width 16";
  static constexpr const char* kSettings = " --run.threads 1 --run.sample_every 0 --run.log_every 1000";

 private:
  static std::filesystem::path& folder() {
    static std::filesystem::path path;
    return path;
  }
};

// What the run computed in each step, without times and memory: two runs are the same when these are.
inline std::vector<std::map<std::string, double>> numbers(const std::filesystem::path& run) {
  std::vector<std::map<std::string, double>> steps;
  for (const auto& line : metrics(run)) {
    auto& step = steps.emplace_back();
    for (const auto& [key, value] : line.items()) {
      const bool is_computed = key == "step" || key == "l1" || key == "l2" || key == "cosine" ||
                               key.starts_with("loss.") || key.starts_with("grad_norm.") || key.starts_with("lr.");
      if (is_computed) step[key] = value.get<double>();
    }
  }
  return steps;
}

}  // namespace fgm
