#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/train/batch_source.h"
#include "core/train/step.h"
#include "data/store/store.h"
#include "data/text/text_encoder.h"
#include "launch/cli/command.h"
#include "launch/coordinator/checkpoint_coordinator.h"

namespace fgm {

// What `fgm train` and `fgm distill` differ in.
struct TrainingPlan {
  std::string label;  // "train"
  int64_t num_steps = 0;
  Step* step = nullptr;
  std::vector<SavedNetwork> networks;
  SavedRun saved;                    // what its checkpoints say of it
  std::function<at::Tensor()> draw;  // pictures of the sample grid, uint8 [N, H, W, 3]
};

// Runs `plan` over `source` in the folder of config.run: progress line, metrics, events, sample grids, save points,
// stop signals. Returns the exit code: 0 when all steps are done, 75 when a signal stopped it and the state is saved.
int run_training(const Config& config, const TrainingPlan& plan, BatchSource& source);

// The device of this process, with run.threads applied. ConfigError when it is one of several ranks: this version
// trains on one.
at::Device prepare_device(const RunConfig& run);

// ConfigError when run.dir already holds save points, which a new run would mix with its own.
void require_unused_run(const RunConfig& run);

// The store named by data.store. ConfigError when the key is empty.
std::shared_ptr<const Store> open_store(const DataConfig& data);

}  // namespace fgm
