#include "launch/job/training_run.h"

#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <set>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/train/trainer.h"
#include "launch/coordinator/restart_guard.h"
#include "launch/coordinator/resume.h"
#include "launch/runtime/observers/metrics_file.h"
#include "launch/runtime/observers/progress_line.h"
#include "launch/runtime/observers/sample_grid.h"
#include "launch/runtime/observers/tensorboard_events.h"
#include "launch/runtime/run_folder.h"
#include "launch/text/text_encoder.h"
#include "parallel/comm/control_collectives.h"

namespace fgm {
namespace {

// The observers that show and write every step, on rank 0.
struct Records {
  Records(const RunFolder& folder, const std::string& label, const RunConfig& run, int64_t first_step)
      : progress(stderr, {label, run.log_every, terminal_columns(stderr)}),
        metrics(folder.metrics_file(), first_step),
        events(folder.events(), first_step) {}

  ProgressLine progress;
  MetricsFile metrics;
  TensorboardEvents events;
};

// What the ranks tell each other of damaged records, so that all together may meet no more than one alone.
class SharedDamage {
 public:
  SharedDamage(World& world, DamagedRecords& own) : world_(world), own_(own) {}

  // Collective. AgreedError when all ranks together have met too many.
  void exchange() {
    const auto found = own_.take_new();
    const auto count = at::full({1}, std::ssize(found), at::kLong);
    world_.control().all_reduce(count, Reduce::kSum).wait();
    if (count.item<int64_t>() == 0) return;
    for (const auto& lines : all_gather_strings(world_.control(), fmt::format("{}", fmt::join(found, "\n")))) {
      for (const auto& damage : split(lines, '\n')) note(damage);
    }
  }

 private:
  void note(const std::string& damage) {
    own_.learn(damage);
    agreed_.insert(damage);
    const auto count = std::ssize(agreed_);
    if (count > own_.most()) throw AgreedError(too_many_damaged(damage, count, own_.most()), kExitConfig);
  }

  World& world_;
  DamagedRecords& own_;
  std::set<std::string> agreed_;  // the same on all ranks
};

Outcome run_steps(World& world, const TrainingPlan& plan, StoreBatchSource& source, Checkpointer& checkpointer,
                  int64_t first_step) {
  const RunConfig& run = plan.saved.config.run;
  const RunFolder folder(run.dir);
  std::optional<Records> records;
  std::vector<StepObserver*> observers;
  if (world.is_first()) {
    folder.begin(plan.saved.config);
    records.emplace(folder, plan.saved.command, run, first_step);
    observers = {&records->progress, &records->metrics, &records->events};
    if (plan.monitor != nullptr) observers.push_back(plan.monitor);
  }
  SampleGrid grid({.every = run.sample_every, .file = [&](int64_t s) { return folder.sample_file(s); }},
                  plan.sample_images, records ? &records->events : nullptr);
  observers.push_back(&grid);
  SharedDamage damage(world, source.damaged());
  const auto is_stopping = [&] {
    damage.exchange();
    return world.is_stopping();
  };
  Trainer trainer(*plan.step, source, checkpointer, observers, is_stopping,
                  {.num_steps = plan.num_steps,
                   .save_every = run.save_every,
                   .timer = plan.timer,
                   .score_every = run.eval_every,
                   .scores = plan.scores});
  return trainer.run(first_step);
}

// The number of steps that are done: those of the checkpoint that `resume` means, or none.
int64_t restore(CheckpointCoordinator& coordinator, const std::string& resume, int64_t num_steps) {
  const auto restored = coordinator.restore(resume);
  if (!restored) return 0;
  require_steps_left(restored->step, restored->is_own, num_steps);
  return restored->step;
}

}  // namespace

Wait wait_unless_stopped(const World& world) {
  return [&world](std::chrono::milliseconds time) { return wait_in_sleep(time) && !world.has_stop_signal(); };
}

int run_training(World& world, const TrainingPlan& plan, StoreBatchSource& source) {
  const RunConfig& run = plan.saved.config.run;
  const RunFolder folder(run.dir);
  RestartGuard guard(folder.restarts_file());
  on_first_rank(world.control(), [&] { folder.create(); });
  const CheckpointOptions options{.checkpoints = folder.checkpoints(),
                                  .keep = run.keep,
                                  .coordinate = world.mesh().coordinate(),
                                  .mesh = world.mesh().shape()};
  CheckpointCoordinator coordinator(world.control(), options, plan.networks, plan.saved);
  const int64_t first_step = restore(coordinator, run.resume, plan.num_steps);
  Outcome outcome = Outcome::kFinished;
  if (first_step == plan.num_steps) {
    spdlog::info("all {} steps are done; a larger --steps makes more", plan.num_steps);
  } else {
    on_first_rank(world.control(), [&] { guard.start(first_step); });
    outcome = run_steps(world, plan, source, coordinator, first_step);
  }
  if (outcome == Outcome::kStopped && world.is_first()) {
    spdlog::warn("stopped by a signal; the state is saved in {}", folder.checkpoints().string());
  }
  on_first_rank(world.control(), [&] {
    guard.end_cleanly();
    if (outcome == Outcome::kFinished) folder.mark_done();
  });
  return outcome == Outcome::kFinished ? kExitDone : kExitRequeue;
}

void require_same_data(World& world, const std::string& key, const std::string& digest, const Store* held_out,
                       const Config& config) {
  std::string lines = fmt::format("digest of {} = {}\ndigest of text.store = {}\nsample grids every {} steps\n", key,
                                  digest, text_store_digest(config.text), config.run.sample_every);
  if (held_out != nullptr) lines += fmt::format("digest of run.eval_reference = {}\n", held_out->digest());
  require_same_lines(world.control(), lines);
}

AllReduceSum sum_over(Communicator& ranks) {
  return [&ranks](std::span<double> values) {
    const auto sums = at::from_blob(values.data(), {std::ssize(values)}, at::kDouble);
    ranks.all_reduce(sums, Reduce::kSum).wait();
  };
}

std::vector<std::string> shown_captions(const Captions& captions, const TextConfig& text, const TextEncoder& encoder) {
  auto shown = captions.first(kGridImages);
  if (text.store.empty()) return shown;
  const auto is_damaged = [&](const std::string& caption) {
    try {
      encoder.encode({&caption, 1});
      return false;
    } catch (const DamageError&) {
      return true;
    }
  };
  std::ranges::replace_if(shown, is_damaged, "");
  return shown;
}

ImageJob grid_job(const ImageSampler& sampler, std::span<const std::string> captions, const RunConfig& run,
                  int64_t max_batch) {
  const ImageList images(captions, /*per_prompt=*/1, static_cast<uint64_t>(run.seed));
  return {sampler, images, std::min(images.size(), max_batch)};
}

std::shared_ptr<const StoreSet> open_stores(const DataConfig& data) {
  require<ConfigError>(!data.store.empty(), "data.store is not set; give a store, made by `fgm data`");
  auto stores = std::make_shared<const StoreSet>(data.store);
  if (stores->is_indexed()) return stores;
  for (const auto& store : stores->stores()) store.log_text_remarks();
  return stores;
}

}  // namespace fgm
