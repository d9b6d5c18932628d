#include "launch/cli/training_run.h"

#include <spdlog/spdlog.h>

#include "core/base/error.h"
#include "core/train/trainer.h"
#include "launch/coordinator/checkpoints_folder.h"
#include "launch/runtime/device.h"
#include "launch/runtime/environment.h"
#include "launch/runtime/observers/metrics_file.h"
#include "launch/runtime/observers/progress_line.h"
#include "launch/runtime/observers/sample_grid.h"
#include "launch/runtime/observers/tensorboard_events.h"
#include "launch/runtime/run_folder.h"
#include "launch/runtime/signals.h"
#include "launch/runtime/threads.h"
#include "parallel/comm/self_communicator.h"

namespace fgm {

int run_training(const Config& config, const TrainingPlan& plan, BatchSource& source) {
  const RunFolder folder(config);
  ProgressLine progress(stderr, {plan.label, config.run.log_every, terminal_columns(stderr)});
  MetricsFile metrics(folder.metrics_file());
  TensorboardEvents events(folder.events());
  SampleGrid grid(
      {.every = config.run.sample_every, .scale = 4, .file = [&](int64_t s) { return folder.sample_file(s); }},
      plan.draw, events);
  const auto control = make_self_communicator(at::kCPU);
  CheckpointCoordinator save_point(*control, {.checkpoints = folder.checkpoints(), .keep = config.run.keep},
                                   plan.networks, plan.saved);
  const StopSignals signals;
  Trainer trainer(*plan.step, source, save_point, {&progress, &metrics, &events, &grid},
                  [&] { return signals.stop_requested(); },
                  {.num_steps = plan.num_steps, .save_every = config.run.save_every});
  if (trainer.run() == Outcome::kStopped) {
    spdlog::warn("stopped by a signal; the state is saved in {}", folder.checkpoints().string());
    return kExitRequeue;
  }
  folder.mark_done();
  return kExitDone;
}

at::Device prepare_device(const RunConfig& run) {
  const Environment environment = read_environment();
  require<ConfigError>(
      environment.local_size == 1,
      "this version of fgm runs on one rank, and mpirun started {} on this host; start it without mpirun",
      environment.local_size);
  use_threads(choose_threads(run.threads, num_cores(), environment.local_size));
  const DeviceDecision decision =
      choose_device(run.device, environment.local_rank, environment.local_size, num_visible_gpus());
  spdlog::info("device {}", decision.reason);
  return decision.device;
}

void require_unused_run(const RunConfig& run) {
  const auto checkpoints = std::filesystem::path(run.dir) / "checkpoints";
  const auto steps = saved_steps(checkpoints);
  require<ConfigError>(steps.empty(),
                       "run.dir = '{}' already holds save points, up to step {}; choose another --run or delete them",
                       run.dir, steps.empty() ? 0 : steps.back());
}

std::shared_ptr<const Store> open_store(const DataConfig& data) {
  require<ConfigError>(!data.store.empty(), "data.store is not set; give a store, made by `fgm data`");
  return std::make_shared<const Store>(data.store);
}

}  // namespace fgm
