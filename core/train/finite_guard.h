#pragma once

#include <cstdint>

#include "core/train/step.h"

namespace fgm {

// Lets a run outlive a stray non-finite loss (the engines refuse that update) and ends it when they come in a row.
class FiniteGuard {
 public:
  explicit FiniteGuard(int64_t max_in_a_row) : max_in_a_row_(max_in_a_row) {}

  // DoNotRequeueError after max_in_a_row non-finite steps in a row: a restart would fail in the same way.
  void check(int64_t step, const StepReport& report);

 private:
  int64_t max_in_a_row_;
  int64_t in_a_row_ = 0;
};

}  // namespace fgm
