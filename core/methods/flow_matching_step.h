#pragma once

#include "core/base/rng.h"
#include "core/config/sections.h"
#include "core/train/all_reduce_sum.h"
#include "core/train/parameter_engine.h"
#include "core/train/phase_scope.h"
#include "core/train/step.h"

namespace fgm {

struct FlowMatchingOptions {
  uint64_t seed = 0;
  int64_t num_steps = 0;
  double caption_dropout = 0.0;  // probability that a sample's caption is replaced by the empty one
  TimeConfig time;
  OptimizerConfig optimizer;
  at::TensorOptions tensors;         // device and dtype of the network's inputs
  AllReduceSum sum_over_ranks = {};  // of the reported loss
  PhaseListener* phases = nullptr;   // must outlive the step
};

// The flow-matching loss of one batch, a sum over this rank's samples divided by the global batch:
// mean over elements of || v(x_t, t) - (eps - x_0) ||^2 (arXiv 2210.02747, eq. 14 on the straight path).
at::Tensor flow_matching_loss(VelocityModel& model, const at::Tensor& x_0, const at::Tensor& eps, const at::Tensor& t_B,
                              const Conditioning& condition, int64_t global_batch);

// `condition` with the rows where `is_dropped_B` holds replaced by `null_row`.
Conditioning drop_captions(const Conditioning& condition, const Conditioning& null_row, const at::Tensor& is_dropped_B);

// Trains one velocity network on images by flow matching with caption dropout: the quickstart's teacher.
class FlowMatchingStep : public Step {
 public:
  // `engine` must outlive the step.
  FlowMatchingStep(ParameterEngine& engine, const FlowMatchingOptions& options);

  StepReport run(int64_t step, BatchSource& source) override;
  int64_t batches_per_step() const override { return 1; }

 private:
  struct Draw {
    at::Tensor x_0, eps, t_B;
    Conditioning condition;
    int64_t global_batch;
  };
  Draw draw(int64_t step, BatchSource& source) const;

  ParameterEngine& engine_;
  FlowMatchingOptions options_;
  RandomStream noise_, time_, dropout_;
};

}  // namespace fgm
