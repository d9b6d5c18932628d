#include "core/methods/flow_matching_step.h"

#include "core/flow/flow_path.h"
#include "core/flow/time_sampler.h"
#include "core/train/roles.h"
#include "core/train/update.h"

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
  const auto role = std::string(role::kTeacher);
  StepReport report{.command = "train", .images = 0, .is_finite = true, .values = {}};
  const Draw d = in_phase(options_.phases, role + ".data", [&] { return draw(step, source); });
  const auto loss = in_phase(options_.phases, role + ".forward", [&] {
    return flow_matching_loss(engine_.model(), d.x_0, d.eps, d.t_B, d.condition, d.global_batch);
  });
  descend(loss, engine_, role, learning_rate(options_.optimizer, step, options_.num_steps), options_.phases, report);
  report.images = d.global_batch;
  const PhaseScope wait(options_.phases, "wait");
  sum_over_ranks(options_.sum_over_ranks, {"loss.teacher"}, report);
  return report;
}

FlowMatchingStep::Draw FlowMatchingStep::draw(int64_t step, BatchSource& source) const {
  const Batch batch = source.next();
  const int64_t first = batch.first_sample;
  const int64_t count = batch.images.size(0);
  Draw draw;
  draw.x_0 = batch.images.to(options_.tensors);
  draw.eps = noise_.normal(step, first, count, batch.images.sizes().slice(1)).to(options_.tensors);
  draw.t_B = draw_times(options_.time, time_, step, first, count).to(options_.tensors.device());
  const auto is_dropped_B = dropout_.uniform(step, first, count, {}) < options_.caption_dropout;
  draw.condition = to(drop_captions(batch.condition, source.null_condition(), is_dropped_B), options_.tensors);
  draw.global_batch = batch.global_batch;
  return draw;
}

}  // namespace fgm
