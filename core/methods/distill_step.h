#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/rng.h"
#include "core/config/sections.h"
#include "core/flow/guidance.h"
#include "core/flow/student_generator.h"
#include "core/methods/distill_loss.h"
#include "core/train/all_reduce_sum.h"
#include "core/train/parameter_engine.h"
#include "core/train/phase_scope.h"
#include "core/train/step.h"

namespace fgm {

struct DistillOptions {
  uint64_t seed = 0;
  MethodConfig method;
  std::vector<int64_t> sample_shape;  // {C, H, W} of one generated image or latent
  at::TensorOptions tensors;          // device and dtype of the networks' inputs
  AllReduceSum sum_over_ranks = {};   // of the reported losses
  PhaseListener* phases = nullptr;    // must outlive the step
};

// The networks of a distillation; all must outlive the step.
struct DistillTrio {
  VelocityModel& teacher;  // frozen: its parameters require no gradient
  ParameterEngine& student;
  ParameterEngine& estimator;
};

// Flow Generator Matching (arXiv 2410.19310) and its kin. One step is method.estimator_steps updates of the estimator,
// which learns the flow of the student's present samples, and then one update of the student along make_distill_loss()
// (docs/fgm.md). In the first method.estimator_warmup steps the student stands still and its update is one more of the
// estimator. Needs captions, and images for realuid alone. While one network learns, the parameters of the others take
// no gradient.
class DistillStep : public Step {
 public:
  DistillStep(const DistillTrio& networks, const DistillOptions& options);

  StepReport run(int64_t step, BatchSource& source) override;
  int64_t batches_per_step() const override { return options_.method.estimator_steps + 1; }

 private:
  // Everything random about one batch. z makes the sample, one tensor for each step of the student; eps the point on
  // its path. They are independent draws: with eps = z the path noise would know the sample.
  struct Draw {
    std::vector<at::Tensor> z;
    at::Tensor eps, t_B;
    GuidedCondition condition;
    at::Tensor images;  // of a method that needs them
    int64_t global_batch;
  };
  Draw draw(int64_t step, BatchSource& source, std::string_view role) const;
  // A network that learns, and from what.
  struct Learner {
    std::string role;
    ParameterEngine& engine;
    const OptimizerConfig& optimizer;
    std::function<at::Tensor(const Draw&)> loss_of;
  };
  void update(const Learner& learner, int64_t step, BatchSource& source, StepReport& report);
  void update_estimator(int64_t step, BatchSource& source, StepReport& report);
  void update_student(int64_t step, BatchSource& source, StepReport& report);
  at::Tensor samples(const Draw& draw) const;
  at::Tensor estimator_loss(const Draw& draw);
  at::Tensor student_loss(const Draw& draw, int64_t step, StepReport& report);

  DistillTrio networks_;
  DistillOptions options_;
  DistillLoss loss_;
  GeneratorConfig generator_;
};

}  // namespace fgm
