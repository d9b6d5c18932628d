#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/train/batch_source.h"
#include "core/train/checkpointer.h"
#include "core/train/phase_timer.h"
#include "core/train/step.h"
#include "core/train/step_observer.h"

namespace fgm {

struct TrainerOptions {
  int64_t num_steps = 0;   // the run ends when this many steps are done
  int64_t save_every = 0;  // steps between checkpoints; 0: only at the end
  int64_t max_non_finite_in_a_row = 20;
  PhaseTimer* timer = nullptr;  // its times go into each report; must outlive the trainer
  // Values for the report of every `score_every`-th step, whose time is none of the step's; 0: never. Collective.
  int64_t score_every = 0;
  std::function<std::map<std::string, double>()> scores = {};
};

enum class Outcome {
  kFinished,  // all steps done and saved
  kStopped,   // stop_requested() said so; the state is saved
};

// The loop of every method: steps, guards, observers, checkpoints. It knows neither FGM nor what a network is.
class Trainer {
 public:
  // All references must outlive the trainer. `stop_requested` is asked between steps and answers alike on all ranks.
  Trainer(Step& step, BatchSource& source, Checkpointer& checkpointer, std::vector<StepObserver*> observers,
          std::function<bool()> stop_requested, const TrainerOptions& options);

  // Runs the steps from `first_step` on, and returns when the last state is safe on disk. DoNotRequeueError when the
  // run has diverged (FiniteGuard).
  Outcome run(int64_t first_step = 0);

 private:
  StepReport run_one(int64_t step);

  Step& step_;
  BatchSource& source_;
  Checkpointer& checkpointer_;
  std::vector<StepObserver*> observers_;
  std::function<bool()> stop_requested_;
  TrainerOptions options_;
};

}  // namespace fgm
