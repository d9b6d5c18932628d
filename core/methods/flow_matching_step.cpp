#include "core/methods/flow_matching_step.h"

#include "core/flow/flow_path.h"
#include "core/flow/time_sampler.h"
#include "core/train/lr_schedule.h"
#include "core/train/phase_timer.h"

namespace fgm {

at::Tensor flow_matching_loss(VelocityModel& model, const at::Tensor& x_0, const at::Tensor& eps, const at::Tensor& t_B,
                              const Conditioning& condition, int64_t global_batch) {
  const auto v = model.velocity(flow_path(x_0, eps, t_B), t_B, condition);
  const auto error = v - conditional_velocity(x_0, eps);
  return mean_per_sample(error.square()).sum() / static_cast<double>(global_batch);
}

Conditioning drop_captions(const Conditioning& condition, const Conditioning& null_row,
                           const at::Tensor& is_dropped_B) {
  return {at::where(is_dropped_B.view({-1, 1, 1}), null_row.context_BLJ, condition.context_BLJ),
          at::where(is_dropped_B.view({-1, 1}), null_row.pooled_BP, condition.pooled_BP)};
}

FlowMatchingStep::FlowMatchingStep(ParameterEngine& engine, const FlowMatchingOptions& options)
    : engine_(engine),
      options_(options),
      noise_(options.seed, "train.noise"),
      time_(options.seed, "train.time"),
      dropout_(options.seed, "train.caption_dropout") {}

StepReport FlowMatchingStep::run(int64_t step, BatchSource& source) {
  PhaseTimer timer;
  timer.enter("data");
  const Batch batch = source.next();
  const int64_t first = batch.first_sample;
  const int64_t count = batch.images.size(0);
  const auto x_0 = batch.images.to(options_.tensors);
  const auto eps = noise_.normal(step, first, count, batch.images.sizes().slice(1)).to(options_.tensors);
  const auto t_B = draw_times(options_.time, time_, step, first, count).to(options_.tensors.device());
  const auto is_dropped_B = dropout_.uniform(step, first, count, {}) < options_.caption_dropout;
  const auto condition = to(drop_captions(batch.condition, source.null_condition(), is_dropped_B), options_.tensors);

  timer.enter("forward");
  const auto loss = flow_matching_loss(engine_.model(), x_0, eps, t_B, condition, batch.global_batch);
  timer.enter("backward");
  loss.backward();
  timer.enter("optimizer");
  const double lr = learning_rate(options_.optimizer, step, options_.num_steps);
  const UpdateReport update = engine_.update(lr);

  StepReport report{.phase = "train", .images = batch.global_batch, .is_finite = update.is_applied, .values = {}};
  report.values = {{"loss.teacher", loss.item<double>()}, {"grad_norm.teacher", update.grad_norm}, {"lr.teacher", lr}};
  sum_over_ranks(options_.sum_over_ranks, {"loss.teacher"}, report);
  timer.finish(report.values);
  return report;
}

}  // namespace fgm
