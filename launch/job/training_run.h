#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/train/all_reduce_sum.h"
#include "core/train/phase_timer.h"
#include "core/train/step.h"
#include "core/train/step_observer.h"
#include "data/pipeline/store_batch_source.h"
#include "data/store/store_set.h"
#include "launch/coordinator/checkpoint_coordinator.h"
#include "launch/runtime/world.h"
#include "launch/sampling/image_job.h"

namespace fgm {

// What `fgm train` and `fgm distill` differ in.
struct TrainingPlan {
  int64_t num_steps = 0;
  Step* step = nullptr;
  PhaseTimer* timer = nullptr;  // step and networks tell it their phases
  std::vector<SavedNetwork> networks;
  SavedRun saved;                                         // what checkpoints say of the run; holds its resolved config
  StepObserver* monitor = nullptr;                        // warns in the log of rank 0
  std::function<at::Tensor()> sample_images;              // of the sample grid, uint8 [N, H, W, 3]; collective
  std::function<std::map<std::string, double>()> scores;  // of every run.eval_every-th step; collective
};

// For BatchSourceOptions: ends when this rank gets a stop signal. `world` must outlive it.
Wait wait_unless_stopped(const World& world);

// Makes the run's folder, resumes from the checkpoint that run.resume means, and runs `plan` over `source` to its last
// step: progress line, metrics, events, sample grids (all written by rank 0), checkpoints, stop signals. Returns the
// exit code: 0 when all steps are done, now or already before; 75 when a signal stopped it and the state is saved.
// Collective over all ranks of `world`. ConfigError when the checkpoint is not this run's, or later than its last step.
// AgreedError when the ranks have met more damaged records than a run may, all together.
int run_training(World& world, const TrainingPlan& plan, StoreBatchSource& source);

// Requires that all ranks train on the data that rank 0 trains on, by the digests of what `key` and text.store name,
// and make sample grids and scores when rank 0 does; ConfigError on all ranks when one does not. `held_out` may be
// null. Collective over all ranks of `world`.
void require_same_data(World& world, const std::string& key, const std::string& digest, const Store* held_out,
                       const Config& config);

// The sum of losses over `ranks`, in their order. `ranks` must outlive it.
AllReduceSum sum_over(Communicator& ranks);

inline constexpr int64_t kGridImages = 16;

// The captions of a sample grid, the first kGridImages; one whose embedding in text.store is damaged is the empty
// caption.
std::vector<std::string> shown_captions(const Captions& captions, const TextConfig& text, const TextEncoder& encoder);

// The images of a sample grid: one for each caption, at most `max_batch` at once. The captions must outlive the job.
ImageJob grid_job(const ImageSampler& sampler, std::span<const std::string> captions, const RunConfig& run,
                  int64_t max_batch);

// The stores named by data.store. ConfigError when the key is empty.
std::shared_ptr<const StoreSet> open_stores(const DataConfig& data);

}  // namespace fgm
