#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "core/train/step_observer.h"

namespace fgm {

// Warns when the numbers of a distillation say that it is spoilt, from means over about 50 steps of "loss.estimator",
// "l1" = sq(u - v) and "l2" = 2 <u - v, v - c>. With v* = E[c | x_t], the true flow of the student's samples, L2 / 2
// has the mean of <u - v, v - v*>: so share = -L2 / (2 L1) is how much of the way from the estimator to the teacher the
// true flow has gone. It lies between 0 and 1 where v - v* is noise, whose share of L1 it is. Two warnings:
//   the estimator is left behind: its loss is four times the lowest so far, and so is L1, or the share is above 1 (the
//     student learns from the estimator's errors; L1 may be small then)
//   it has hardly left the teacher, where it began, after 200 steps: the share is below -1
// docs/fgm.md has measured figures of healthy and of spoilt runs.
class DistillMonitor final : public StepObserver {
 public:
  void on_step(int64_t step, int64_t num_steps, double seconds, const StepReport& report) override;

  // What a warning says after this step; nothing when all is well, cannot be known yet, or was said in the last 500
  // steps. Reports that lack one of the numbers, or have one that is not finite, do not count.
  std::optional<std::string> look(int64_t step, const StepReport& report);

 private:
  struct Mean {
    double value = 0.0;
    double lowest = std::numeric_limits<double>::infinity();
    double rise() const { return value / lowest; }
  };

  std::string problem() const;  // "" when all is well

  int64_t num_seen_ = 0;
  Mean loss_, l1_, l2_;
  int64_t next_warning_ = 0;  // not before so many reports
};

}  // namespace fgm
