#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "core/train/all_reduce_sum.h"
#include "core/train/batch_source.h"
#include "core/train/step.h"
#include "data/store/store.h"
#include "launch/coordinator/checkpoint_coordinator.h"
#include "launch/runtime/world.h"

namespace fgm {

// What `fgm train` and `fgm distill` differ in.
struct TrainingPlan {
  int64_t num_steps = 0;
  Step* step = nullptr;
  std::vector<SavedNetwork> networks;
  SavedRun run;                      // what checkpoints say of it; holds its resolved config
  std::function<at::Tensor()> draw;  // images of the sample grid, uint8 [N, H, W, 3]; collective
};

// Makes the run's folder, goes on from the checkpoint that run.resume means, and runs `plan` over `source` to its last
// step: progress line, metrics, events, sample grids (all written by rank 0), checkpoints, stop signals. Returns the
// exit code: 0 when all steps are done, now or already before; 75 when a signal stopped it and the state is saved.
// Collective over all ranks of `world`. ConfigError when the checkpoint is not this run's, or later than its last step.
int run_training(World& world, const TrainingPlan& plan, BatchSource& source);

// Returns when all ranks train on what rank 0 trains on; else ConfigError on all. Collective over all ranks of `world`.
void require_same_data(World& world, const Store& store, const RunConfig& run);

// Adds losses up in the order of the ranks. `ranks` must outlive it.
AllReduceSum sum_over(Communicator& ranks);

// What sample grids show: the store's first 16 captions. The store must outlive them.
std::span<const std::string> grid_captions(const Store& store);

// The store named by data.store. ConfigError when the key is empty.
std::shared_ptr<const Store> open_store(const DataConfig& data);

}  // namespace fgm
