// A rank is killed at a random moment, in every other trial once more while the run goes on from that: what is resumed
// at last must end as the undisturbed run did, bit for bit. FGM_SOAK_KILLS (default 10) and FGM_SOAK_SEED choose how
// many moments, and which.
#include <gtest/gtest.h>

#include <chrono>
#include <random>

#include "tests/support/small_job.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

constexpr int kRanks = 2;
constexpr int kNumSteps = 20;
constexpr int kSaveEvery = 4;

uint64_t number_from(const char* name, uint64_t fallback) {
  const char* text = std::getenv(name);
  return text == nullptr ? fallback : std::stoull(text);
}

bool is_saving(const fs::path& run, int64_t step) {
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator(run / "checkpoints", missing)) {
    if (entry.path().filename().string().starts_with(fmt::format(".tmp-{}-", step))) return true;
  }
  return false;
}

bool has_checkpoint(const fs::path& run) {
  std::error_code missing;
  const auto is_step = [](const auto& entry) { return entry.path().filename().string().starts_with("step-"); };
  return std::ranges::any_of(fs::directory_iterator(run / "checkpoints", missing), is_step);
}

class KillSoak : public SmallJob {
 protected:
  void SetUp() override {
    undisturbed_ = place("undisturbed");
    const auto began = Clock::now();
    RankJob job(kRanks, undisturbed_, arguments());
    ASSERT_TRUE(job.wait_until([&] { return num_steps_done(undisturbed_ / "run") > 0; })) << job.wait().text;
    start_ = Clock::now() - began;
    const auto ended = job.wait();
    ASSERT_EQ(ended.code, kExitDone) << ended.text;
    all_steps_ = Clock::now() - began - start_;
    ASSERT_EQ(metrics(undisturbed_ / "run").size(), size_t{kNumSteps});
  }

  static std::string arguments() {
    return distill_arguments(fmt::format("--steps {} --run.save_every {}", kNumSteps, kSaveEvery));
  }

  double uniform(double end) { return std::uniform_real_distribution<>(0.0, end)(random_); }
  Seconds step() const { return all_steps_ / kNumSteps; }

  // Kills one rank after `delay`; false when the job ended before.
  bool kill_after(RankJob& job, Seconds delay) {
    const int rank = std::uniform_int_distribution<>(0, kRanks - 1)(random_);
    const auto moment = Clock::now() + delay;
    job.wait_until([&] { return Clock::now() >= moment; });
    return job.wait_until([&] { return job.signal(rank, SIGKILL); });
  }

  // Kills one rank of a new run at the moment that `trial` chooses; false when the job ended before.
  bool kill_new(RankJob& job, const fs::path& run, uint64_t trial) {
    if (trial % 3 == 0) return kill_after(job, Seconds(uniform(start_.count())));  // a third while the job comes up
    if (trial % 3 == 1) {                                                          // a third at any time of any step
      const size_t steps = std::uniform_int_distribution<size_t>(1, kNumSteps - 1)(random_);
      return job.wait_until([&] { return num_steps_done(run) >= steps; }) &&
             kill_after(job, Seconds(uniform(step().count())));
    }
    // A third from the first file of a save to a little after its end.
    const int64_t save = kSaveEvery * std::uniform_int_distribution<int64_t>(1, kNumSteps / kSaveEvery)(random_);
    return job.wait_until([&] { return is_saving(run, save); }) &&
           kill_after(job, Seconds(uniform(2.0 * step().count())));
  }

  // The same for a run that goes on: most in the restore or a little after its end, the others at any time.
  bool kill_resumed(RankJob& job, const fs::path& run) {
    if (has_checkpoint(run) && uniform(1.0) < 0.7) {
      return job.wait_until([&] { return job.text().find(kComesUp) != std::string::npos; }) &&
             kill_after(job, Seconds(uniform(0.5 * step().count())));
    }
    const auto steps_left = kNumSteps - static_cast<double>(num_steps_done(run));
    return kill_after(job, Seconds(uniform((start_ + steps_left * step()).count())));
  }

  // Kills a run once, or twice in every other trial, and adds to what was counted. Returns what the jobs printed.
  std::string kill_run(const fs::path& here, uint64_t trial) {
    std::string texts;
    for (uint64_t start = 0; start <= trial % 2 && !fs::exists(here / "run/DONE"); ++start) {
      const bool can_restore = has_checkpoint(here / "run");
      RankJob job(kRanks, here, arguments());
      const bool was_killed = start == 0 ? kill_new(job, here / "run", trial) : kill_resumed(job, here / "run");
      const std::string text = job.wait().text;
      const auto said = [&](const char* words) { return text.find(words) != std::string::npos; };
      num_moments_ += 1;
      num_killed_ += was_killed ? 1 : 0;
      num_in_restore_ += can_restore && said(kBeforeRestore) && !said(kAfterRestore) ? 1 : 0;
      texts += text;
    }
    return texts;
  }

  void expect_undisturbed(const fs::path& run) {
    EXPECT_EQ(numbers(run), numbers(undisturbed_ / "run"));
    const auto files = tensors_of_step(run, kNumSteps);
    EXPECT_EQ(files.size(), 6u * kRanks) << "six roles on each rank";
    EXPECT_TRUE(files == tensors_of_step(undisturbed_ / "run", kNumSteps)) << "the final state differs";
  }

  // What rank 0 says a few milliseconds before the restore, just before it, and after it.
  static constexpr const char *kComesUp = "(replicate x shard)", *kBeforeRestore = "60 captions",
                              *kAfterRestore = "going on from step";

  fs::path undisturbed_;
  Seconds start_{}, all_steps_{};
  uint64_t num_moments_ = 0, num_killed_ = 0, num_in_restore_ = 0;
  std::mt19937_64 random_{number_from("FGM_SOAK_SEED", 1)};
};

TEST_F(KillSoak, ARunThatWasKilledAtAnyMomentEndsAsTheUndisturbedOne) {
  const uint64_t num_kills = number_from("FGM_SOAK_KILLS", 10);
  ASSERT_GT(num_kills, 0u);
  uint64_t trial = 0, num_begun = 0;
  for (; num_moments_ < num_kills && !HasFailure(); ++trial) {
    const auto here = place("killed");
    const auto killed = kill_run(here, trial);
    const size_t steps_before = num_steps_done(here / "run");
    SCOPED_TRACE(
        fmt::format("trial {}, {} steps, seed {}:\n{}", trial, steps_before, number_from("FGM_SOAK_SEED", 1), killed));
    num_begun += steps_before > 0 ? 1 : 0;
    const auto resumed = run(kRanks, here, arguments());
    ASSERT_EQ(resumed.code, kExitDone) << resumed.text;
    expect_undisturbed(here / "run");
    fs::remove_all(here);
  }
  fmt::print("{} runs, {} kills, {} of them in a restore\n", trial, num_killed_, num_in_restore_);
  EXPECT_GT(num_killed_, num_kills / 2) << "most jobs ended before their moment";
  EXPECT_GT(num_begun, trial / 3) << "too few were killed after their first step";
}

}  // namespace
}  // namespace fgm
