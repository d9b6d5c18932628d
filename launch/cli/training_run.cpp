#include "launch/cli/training_run.h"

#include <spdlog/spdlog.h>

#include "core/base/error.h"
#include "core/train/trainer.h"
#include "launch/runtime/observers/metrics_file.h"
#include "launch/runtime/observers/progress_line.h"
#include "launch/runtime/observers/sample_grid.h"
#include "launch/runtime/observers/tensorboard_events.h"
#include "launch/runtime/run_folder.h"

namespace fgm {
namespace {

// What rank 0 shows and writes of every step; nothing on the other ranks.
struct Records {
  Records(const RunFolder& folder, const TrainingPlan& plan, const RunConfig& run, int64_t first_step)
      : progress(stderr, {plan.label, run.log_every, terminal_columns(stderr)}),
        metrics(folder.metrics_file(), first_step),
        events(folder.events()) {}

  ProgressLine progress;
  MetricsFile metrics;
  TensorboardEvents events;
};

Outcome run_steps(World& world, const Config& config, const TrainingPlan& plan, BatchSource& source,
                  SavePoint& save_point, int64_t first_step) {
  const RunFolder folder(config.run.dir);
  std::optional<Records> records;
  std::vector<StepObserver*> observers;
  if (world.is_first()) {
    folder.begin(config);
    records.emplace(folder, plan, config.run, first_step);
    observers = {&records->progress, &records->metrics, &records->events};
  }
  SampleGrid grid(
      {.every = config.run.sample_every, .scale = 4, .file = [&](int64_t s) { return folder.sample_file(s); }},
      plan.draw, records ? &records->events : nullptr);
  observers.push_back(&grid);
  Trainer trainer(*plan.step, source, save_point, observers, [&] { return world.is_stopping(); },
                  {.num_steps = plan.num_steps, .save_every = config.run.save_every});
  return trainer.run(first_step);
}

}  // namespace

int run_training(World& world, const Config& config, const TrainingPlan& plan, BatchSource& source) {
  const RunFolder folder(config.run.dir);
  if (world.is_first()) folder.create();
  WeightsSavePoint save_point(folder.checkpoints(), config.run.keep, plan.networks, plan.description);
  const int64_t first_step = 0;
  if (run_steps(world, config, plan, source, save_point, first_step) == Outcome::kStopped) {
    if (world.is_first()) spdlog::warn("stopped by a signal; the state is saved in {}", folder.checkpoints().string());
    return kExitRequeue;
  }
  if (world.is_first()) folder.mark_done();
  return kExitDone;
}

RankSum sum_over(Communicator& ranks) {
  return [&ranks](std::span<double> values) {
    const auto sums = at::from_blob(values.data(), {std::ssize(values)}, at::kDouble);
    ranks.all_reduce(sums, Reduce::kSum).wait();
  };
}

std::shared_ptr<const Store> open_store(const DataConfig& data) {
  require<ConfigError>(!data.store.empty(), "data.store is not set; give a store, made by `fgm data`");
  return std::make_shared<const Store>(data.store);
}

}  // namespace fgm
