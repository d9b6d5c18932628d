// A rank is killed at a random moment, again and again: what is resumed must end as the undisturbed run did, bit for
// bit. FGM_SOAK_KILLS (default 30) and FGM_SOAK_SEED choose how many moments, and which.
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

size_t num_steps_done(const fs::path& run) {
  std::ifstream file(run / "metrics.jsonl");
  return static_cast<size_t>(std::count(std::istreambuf_iterator<char>(file), {}, '\n'));
}

bool is_saving(const fs::path& run, int64_t step) {
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator(run / "checkpoints", missing)) {
    if (entry.path().filename().string().starts_with(fmt::format(".tmp-{}-", step))) return true;
  }
  return false;
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

  // Waits for the moment number `i` and kills one rank then; false when the job ended before.
  bool kill_at_random(RankJob& job, const fs::path& run, uint64_t i) {
    const Seconds step = all_steps_ / kNumSteps;
    const auto uniform = [&](double end) { return std::uniform_real_distribution<>(0.0, end)(random_); };
    const int rank = std::uniform_int_distribution<>(0, kRanks - 1)(random_);
    Seconds delay{uniform(start_.count())};  // a third while the job comes up
    if (i % 3 == 1) {                        // a third at any time of any step
      const size_t steps = std::uniform_int_distribution<size_t>(1, kNumSteps - 1)(random_);
      if (!job.wait_until([&] { return num_steps_done(run) >= steps; })) return false;
      delay = Seconds(uniform(step.count()));
    } else if (i % 3 == 2) {  // a third from the first file of a save to a little after its end
      const int64_t save = kSaveEvery * std::uniform_int_distribution<int64_t>(1, kNumSteps / kSaveEvery)(random_);
      if (!job.wait_until([&] { return is_saving(run, save); })) return false;
      delay = Seconds(uniform(2.0 * step.count()));
    }
    const auto moment = Clock::now() + delay;
    job.wait_until([&] { return Clock::now() >= moment; });
    return job.wait_until([&] { return job.signal(rank, SIGKILL); });
  }

  void expect_undisturbed(const fs::path& run) {
    EXPECT_EQ(numbers(run), numbers(undisturbed_ / "run"));
    const auto files = tensors_of_step(run, kNumSteps);
    EXPECT_EQ(files.size(), 5u * kRanks);
    EXPECT_TRUE(files == tensors_of_step(undisturbed_ / "run", kNumSteps)) << "the final state differs";
  }

  fs::path undisturbed_;
  Seconds start_{}, all_steps_{};
  std::mt19937_64 random_{number_from("FGM_SOAK_SEED", 1)};
};

TEST_F(KillSoak, ARunThatWasKilledAtAnyMomentEndsAsTheUndisturbedOne) {
  const uint64_t num_kills = number_from("FGM_SOAK_KILLS", 30);
  ASSERT_GT(num_kills, 0u);
  uint64_t num_killed = 0, num_begun = 0;
  for (uint64_t i = 0; i < num_kills && !HasFailure(); ++i) {
    const auto here = place("killed");
    RankJob job(kRanks, here, arguments());
    const bool was_killed = kill_at_random(job, here / "run", i);
    const auto killed = job.wait();
    const size_t steps_before = num_steps_done(here / "run");
    SCOPED_TRACE(fmt::format("kill {} after {} steps, seed {}:\n{}", i, steps_before, number_from("FGM_SOAK_SEED", 1),
                             killed.text));
    num_killed += was_killed ? 1 : 0;
    num_begun += steps_before > 0 ? 1 : 0;
    const auto resumed = run(kRanks, here, arguments() + " --resume auto");
    ASSERT_EQ(resumed.code, kExitDone) << resumed.text;
    expect_undisturbed(here / "run");
    fs::remove_all(here);
  }
  EXPECT_GT(num_killed, num_kills * 3 / 4) << "most jobs ended before their moment";
  EXPECT_GT(num_begun, num_kills / 3) << "too few were killed after their first step";
}

}  // namespace
}  // namespace fgm
