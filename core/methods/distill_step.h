#pragma once

#include <string_view>
#include <vector>

#include "core/base/rng.h"
#include "core/config/sections.h"
#include "core/flow/guidance.h"
#include "core/train/all_reduce_sum.h"
#include "core/train/parameter_engine.h"
#include "core/train/phase_timer.h"
#include "core/train/step.h"

namespace fgm {

struct FgmOptions {
  uint64_t seed = 0;
  MethodConfig method;
  std::vector<int64_t> sample_shape;  // {C, H, W} of one generated image or latent
  at::TensorOptions tensors;          // device and dtype of the networks' inputs
  AllReduceSum sum_over_ranks = {};   // of the reported losses
};

// The networks of a distillation; all must outlive the step.
struct FgmNetworks {
  VelocityModel& teacher;  // frozen: its parameters require no gradient
  ParameterEngine& student;
  ParameterEngine& estimator;
};

// Flow Generator Matching (arXiv 2410.19310). One step is method.estimator_steps updates of the estimator, which learns
// the flow of the student's present samples, and then one update of the student along L1 and L2 (docs/fgm.md). Needs
// captions, no images. While one network learns, the parameters of the others take no gradient.
class DistillStep : public Step {
 public:
  DistillStep(const FgmNetworks& networks, const FgmOptions& options);

  StepReport run(int64_t step, BatchSource& source) override;
  int64_t batches_per_step() const override { return options_.method.estimator_steps + 1; }

 private:
  // Everything random about one batch. z makes the sample, eps the point on its path; they are independent draws:
  // with eps = z the path noise would know the sample.
  struct Draw {
    at::Tensor z, eps, t_B;
    GuidedCondition condition;
    int64_t global_batch;
  };
  Draw draw(int64_t step, BatchSource& source, std::string_view phase) const;
  void update_estimator(int64_t step, BatchSource& source, PhaseTimer& timer, StepReport& report);
  void update_student(int64_t step, BatchSource& source, PhaseTimer& timer, StepReport& report);

  FgmNetworks networks_;
  FgmOptions options_;
};

}  // namespace fgm
