#include "core/methods/distill_step.h"

#include "core/flow/flow_path.h"
#include "core/flow/one_step_generator.h"
#include "core/flow/time_sampler.h"
#include "core/methods/fgm_loss.h"
#include "core/train/lr_schedule.h"

namespace fgm {
namespace {

void record(StepReport& report, const std::string& role, double loss, double lr, const UpdateReport& update) {
  report.is_finite = report.is_finite && update.is_applied;
  report.values["loss." + role] = loss;
  report.values["lr." + role] = lr;
  report.values["grad_norm." + role] = update.grad_norm;
}

}  // namespace

DistillStep::DistillStep(const FgmNetworks& networks, const FgmOptions& options)
    : networks_(networks), options_(options) {
  networks_.student.set_trainable(false);
  networks_.estimator.set_trainable(false);
}

StepReport DistillStep::run(int64_t step, BatchSource& source) {
  StepReport report{.phase = "distill", .images = 0, .is_finite = true, .values = {}};
  PhaseTimer timer;
  for (int64_t i = 0; i < options_.method.estimator_steps; ++i) update_estimator(step, source, timer, report);
  update_student(step, source, timer, report);
  sum_over_ranks(options_.sum_over_ranks, {"loss.estimator", "loss.student", "l1"}, report);
  timer.finish(report.values);
  return report;
}

DistillStep::Draw DistillStep::draw(int64_t step, BatchSource& source, std::string_view phase) const {
  const Batch batch = source.next();
  const int64_t first = batch.first_sample;
  const int64_t count = batch.condition.batch();
  const auto stream = [&](std::string_view what) {
    return RandomStream(options_.seed, fmt::format("distill.{}.{}", phase, what));
  };
  Draw draw;
  draw.z = stream("z").normal(step, first, count, options_.sample_shape).to(options_.tensors);
  draw.eps = stream("eps").normal(step, first, count, options_.sample_shape).to(options_.tensors);
  draw.t_B = draw_times(options_.method.time, stream("time"), step, first, count).to(options_.tensors.device());
  draw.condition = {to(batch.condition, options_.tensors), to(source.null_condition(), options_.tensors)};
  draw.global_batch = batch.global_batch;
  return draw;
}

void DistillStep::update_estimator(int64_t step, BatchSource& source, PhaseTimer& timer, StepReport& report) {
  const MethodConfig& method = options_.method;
  ParameterEngine& estimator = networks_.estimator;
  timer.enter("data");
  const Draw d = draw(step, source, "estimator");

  timer.enter("forward");
  at::Tensor x_0;
  {
    const at::NoGradGuard no_grad;
    x_0 = generate_one_step(networks_.student.model(), d.z, d.condition.condition, method.init_time);
  }
  estimator.set_trainable(true);
  // With guidance the estimator learns through its guided prediction, null branch included: guiding a plainly trained
  // one would break v = E[c | x_t], and L2's zero mean with it.
  const auto v =
      guided_velocity(estimator.model(), flow_path(x_0, d.eps, d.t_B), d.t_B, d.condition, method.estimator_guidance);
  const auto error_B = mean_per_sample((v - conditional_velocity(x_0, d.eps)).square());
  const auto loss = error_B.sum() / static_cast<double>(d.global_batch);
  timer.enter("backward");
  loss.backward();
  timer.enter("optimizer");
  const double lr = learning_rate(method.estimator, step, method.steps);
  record(report, "estimator", loss.item<double>(), lr, estimator.update(lr));
  estimator.set_trainable(false);
  report.images += d.global_batch;
}

void DistillStep::update_student(int64_t step, BatchSource& source, PhaseTimer& timer, StepReport& report) {
  const MethodConfig& method = options_.method;
  ParameterEngine& student = networks_.student;
  timer.enter("data");
  const Draw d = draw(step, source, "student");

  timer.enter("forward");
  student.set_trainable(true);
  const auto x_0 = generate_one_step(student.model(), d.z, d.condition.condition, method.init_time);
  const auto x_t = flow_path(x_0, d.eps, d.t_B);
  const auto u = guided_velocity(networks_.teacher, x_t, d.t_B, d.condition, method.teacher_guidance);
  const auto v = guided_velocity(networks_.estimator.model(), x_t, d.t_B, d.condition, method.estimator_guidance);
  const FgmLoss parts = fgm_loss(u, v, conditional_velocity(x_0, d.eps), method.lambda_1);
  const auto global_batch = static_cast<double>(d.global_batch);
  const auto loss = (loss_weight(method.weight, d.t_B).to(parts.loss_B.options()) * parts.loss_B).sum() / global_batch;
  timer.enter("backward");
  loss.backward();
  timer.enter("optimizer");
  const double lr = learning_rate(method.student, step, method.steps);
  record(report, "student", loss.item<double>(), lr, student.update(lr));
  student.set_trainable(false);
  report.values["l1"] = parts.l1_B.detach().sum().item<double>() / global_batch;
  report.images += d.global_batch;
}

}  // namespace fgm
