#pragma once

#include <cstdint>

#include "core/train/step.h"

namespace fgm {

// Looks at every finished step: progress line, metrics.jsonl, TensorBoard events, sample grids.
// Observers must not change the run: a run with and without them gives the same numbers.
class StepObserver {
 public:
  virtual ~StepObserver() = default;
  // `step` steps are done, of `num_steps`; `seconds` is the wall time of this one.
  virtual void on_step(int64_t step, int64_t num_steps, double seconds, const StepReport& report) = 0;
  virtual void on_end(int64_t step) { static_cast<void>(step); }
};

}  // namespace fgm
