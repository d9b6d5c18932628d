#include "core/methods/distill_step.h"

#include "core/flow/flow_path.h"
#include "core/flow/one_step_generator.h"
#include "core/flow/time_sampler.h"
#include "core/train/roles.h"
#include "core/train/update.h"

namespace fgm {

DistillStep::DistillStep(const DistillTrio& networks, const DistillOptions& options)
    : networks_(networks), options_(options), loss_(make_distill_loss(options.method)) {
  networks_.student.set_trainable(false);
  networks_.estimator.set_trainable(false);
}

StepReport DistillStep::run(int64_t step, BatchSource& source) {
  StepReport report{.command = "distill", .images = 0, .is_finite = true, .values = {}};
  const MethodConfig& method = options_.method;
  const auto of_estimator = [&](const Draw& d) { return estimator_loss(d); };
  const auto of_student = [&](const Draw& d) { return student_loss(d, report); };
  for (int64_t i = 0; i < method.estimator_steps; ++i) {
    update({std::string(role::kEstimator), networks_.estimator, method.estimator, of_estimator}, step, source, report);
  }
  update({std::string(role::kStudent), networks_.student, method.student, of_student}, step, source, report);
  const PhaseScope wait(options_.phases, "wait");
  sum_over_ranks(options_.sum_over_ranks, {"loss.estimator", "loss.student", "l1"}, report);
  return report;
}

DistillStep::Draw DistillStep::draw(int64_t step, BatchSource& source, std::string_view role) const {
  const Batch batch = source.next();
  const int64_t first = batch.first_sample;
  const int64_t count = batch.condition.batch();
  const auto stream = [&](std::string_view what) {
    return RandomStream(options_.seed, fmt::format("distill.{}.{}", role, what));
  };
  Draw draw;
  draw.z = stream("z").normal(step, first, count, options_.sample_shape).to(options_.tensors);
  draw.eps = stream("eps").normal(step, first, count, options_.sample_shape).to(options_.tensors);
  draw.t_B = draw_times(options_.method.time, stream("time"), step, first, count).to(options_.tensors.device());
  draw.condition = {to(batch.condition, options_.tensors), to(source.null_condition(), options_.tensors)};
  draw.global_batch = batch.global_batch;
  return draw;
}

PathPoint DistillStep::path_point(const Draw& d) const {
  const auto x_0 = generate_one_step(networks_.student.model(), d.z, d.condition.condition, options_.method.init_time);
  return {x_0, flow_path(x_0, d.eps, d.t_B), conditional_velocity(x_0, d.eps), d.t_B};
}

void DistillStep::update(const Learner& learner, int64_t step, BatchSource& source, StepReport& report) {
  const auto& [role, engine, optimizer, loss_of] = learner;
  const Draw d = in_phase(options_.phases, role + ".data", [&] { return draw(step, source, role); });
  engine.set_trainable(true);
  const auto loss = in_phase(options_.phases, role + ".forward", [&] { return loss_of(d); });
  descend(loss, engine, role, learning_rate(optimizer, step, options_.method.steps), options_.phases, report);
  engine.set_trainable(false);
  report.images += d.global_batch;
}

at::Tensor DistillStep::estimator_loss(const Draw& d) {
  const auto point = [&] {
    const at::NoGradGuard no_grad;
    return path_point(d);
  }();
  // With guidance the estimator learns through its guided prediction, null branch included: guiding a plainly trained
  // one would break v = E[c | x_t], and L2's zero mean with it.
  const auto v_t =
      guided_velocity(networks_.estimator.model(), point.x_t, d.t_B, d.condition, options_.method.estimator_guidance);
  return loss_.estimator_B(v_t, point).sum() / static_cast<double>(d.global_batch);
}

at::Tensor DistillStep::student_loss(const Draw& d, StepReport& report) {
  const MethodConfig& method = options_.method;
  const PathPoint point = path_point(d);
  const auto [u_t, v_t] = [&] {
    const at::AutoGradMode has_history(loss_.differentiates_networks);
    return std::pair(
        guided_velocity(networks_.teacher, point.x_t, d.t_B, d.condition, method.teacher_guidance),
        guided_velocity(networks_.estimator.model(), point.x_t, d.t_B, d.condition, method.estimator_guidance));
  }();
  const auto [loss_B, l1_B] = loss_.student(u_t, v_t, point);
  const auto global_batch = static_cast<double>(d.global_batch);
  report.values["l1"] = l1_B.detach().sum().item<double>() / global_batch;
  return (loss_weight(method.weight, d.t_B).to(loss_B.options()) * loss_B).sum() / global_batch;
}

}  // namespace fgm
