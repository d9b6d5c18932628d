#pragma once

#include "core/config/sections.h"
#include "core/train/all_reduce_sum.h"
#include "core/train/parameter_engine.h"
#include "core/train/phase_scope.h"
#include "core/train/step.h"

namespace fgm {

struct RegressionOptions {
  MethodConfig method;
  at::TensorOptions tensors;         // device and dtype of the network's inputs
  AllReduceSum sum_over_ranks = {};  // of the reported loss
  PhaseListener* phases = nullptr;   // must outlive the step
};

// A student's warm start from what the teacher's ODE made of known noise (`fgm pairs`): it descends the mean over
// elements of || g(z, caption) - x ||^2, in x_0 space (Luhman and Luhman, arXiv 2101.02388). The squared error of the
// velocity at t* is that divided by t*^2, a factor that Adam does not see. No teacher is asked and no estimator learns;
// no data is in it but the captions. Of a student of several steps the first learns. Needs batches with noise, and the
// teacher's samples as their images.
class RegressionStep : public Step {
 public:
  // `student` must outlive the step.
  RegressionStep(ParameterEngine& student, const RegressionOptions& options);

  StepReport run(int64_t step, BatchSource& source) override;
  int64_t batches_per_step() const override { return 1; }

 private:
  at::Tensor loss(const Batch& batch);

  ParameterEngine& student_;
  RegressionOptions options_;
};

}  // namespace fgm
