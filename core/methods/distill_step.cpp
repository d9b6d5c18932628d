#include "core/methods/distill_step.h"

#include <algorithm>

#include "core/flow/flow_path.h"
#include "core/flow/time_sampler.h"
#include "core/methods/agreement.h"
#include "core/train/roles.h"
#include "core/train/update.h"

namespace fgm {
namespace {

PathPoint path_point(const at::Tensor& x_0, const at::Tensor& eps, const at::Tensor& t_B) {
  return {x_0, flow_path(x_0, eps, t_B), conditional_velocity(x_0, eps), t_B};
}

// x with `share` of its gradient, and the same bits.
at::Tensor scale_gradient(const at::Tensor& x, double share) {
  return share == 1.0 ? x : at::lerp(x.detach(), x, share);
}

}  // namespace

DistillStep::DistillStep(const DistillTrio& networks, const DistillOptions& options)
    : networks_(networks),
      options_(options),
      loss_(make_distill_loss(options.method)),
      generator_(generator_of(options.method)) {
  networks_.student.set_trainable(false);
  networks_.estimator.set_trainable(false);
}

StepReport DistillStep::run(int64_t step, BatchSource& source) {
  StepReport report{.command = "distill", .images = 0, .is_finite = true, .values = {}};
  const MethodConfig& method = options_.method;
  for (int64_t i = 0; i < method.estimator_steps; ++i) update_estimator(step, source, report);
  const bool is_warmup = step < method.estimator_warmup;
  is_warmup ? update_estimator(step, source, report) : update_student(step, source, report);
  const PhaseScope wait(options_.phases, "wait");
  if (is_warmup) {
    sum_over_ranks(options_.sum_over_ranks, {"loss.estimator"}, report);
  } else {
    sum_over_ranks(options_.sum_over_ranks, {"loss.estimator", "loss.student", "l1", "l2", "uu", "uv", "vv"}, report);
    report_cosine(report);
  }
  return report;
}

void DistillStep::update_estimator(int64_t step, BatchSource& source, StepReport& report) {
  const auto loss = [&](const Draw& d) { return estimator_loss(d); };
  update({std::string(role::kEstimator), networks_.estimator, options_.method.estimator, loss}, step, source, report);
}

void DistillStep::update_student(int64_t step, BatchSource& source, StepReport& report) {
  const auto loss = [&](const Draw& d) { return student_loss(d, step, report); };
  update({std::string(role::kStudent), networks_.student, options_.method.student, loss}, step, source, report);
}

DistillStep::Draw DistillStep::draw(int64_t step, BatchSource& source, std::string_view role) const {
  const Batch batch = source.next();
  const int64_t first = batch.first_sample;
  const int64_t count = batch.condition.batch();
  const auto stream = [&](std::string_view what) {
    return RandomStream(options_.seed, fmt::format("distill.{}.{}", role, what));
  };
  Draw draw;
  // All rows of a batch, on all ranks, are samples of as many steps: how many is drawn for the batch.
  const auto uniform = stream("num_steps").uniform(step, first / batch.global_batch, 1, {}).item<double>();
  const int64_t most = generator_.num_steps();
  const auto num_steps = std::min(most, 1 + static_cast<int64_t>(uniform * static_cast<double>(most)));
  for (int64_t i = 0; i < num_steps; ++i) {
    const auto z = stream(i == 0 ? "z" : fmt::format("z{}", i + 1));
    draw.z.push_back(z.normal(step, first, count, options_.sample_shape).to(options_.tensors));
  }
  draw.eps = stream("eps").normal(step, first, count, options_.sample_shape).to(options_.tensors);
  draw.t_B = draw_times(options_.method.time, stream("time"), step, first, count).to(options_.tensors.device());
  draw.condition = {to(batch.condition, options_.tensors), to(source.null_condition(), options_.tensors)};
  if (loss_.estimator_on_images_B) draw.images = batch.images.to(options_.tensors);
  draw.global_batch = batch.global_batch;
  return draw;
}

at::Tensor DistillStep::samples(const Draw& d) const {
  return generate(networks_.student.model(), d.z, d.condition.condition, generator_);
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
  const auto x_0 = [&] {
    const at::NoGradGuard no_grad;
    return samples(d);
  }();
  // With guidance the estimator learns through its guided prediction, null branch included: guiding a plainly trained
  // one would break v = E[c | x_t], and L2's zero mean with it.
  const auto velocity = [&](const PathPoint& at) {
    return guided_velocity(networks_.estimator.model(), at.x_t, d.t_B, d.condition, options_.method.estimator_guidance);
  };
  const PathPoint point = path_point(x_0, d.eps, d.t_B);
  auto loss = loss_.estimator_B(velocity(point), point).sum();
  if (loss_.estimator_on_images_B) {
    const PathPoint image = path_point(d.images, d.eps, d.t_B);
    loss = loss + loss_.estimator_on_images_B(velocity(image), image).sum();
  }
  return loss / static_cast<double>(d.global_batch);
}

at::Tensor DistillStep::student_loss(const Draw& d, int64_t step, StepReport& report) {
  const MethodConfig& method = options_.method;
  const PathPoint point = path_point(samples(d), d.eps, d.t_B);
  const double share = jacobian_share(method, step);
  const auto [u_t, v_t] = [&] {
    const at::AutoGradMode has_history(share > 0.0);
    const auto x_t = scale_gradient(point.x_t, share);
    return std::pair(guided_velocity(networks_.teacher, x_t, d.t_B, d.condition, method.teacher_guidance),
                     guided_velocity(networks_.estimator.model(), x_t, d.t_B, d.condition, method.estimator_guidance));
  }();
  const auto [loss_B, l1_B] = loss_.student(u_t, v_t, point);
  const auto global_batch = static_cast<double>(d.global_batch);
  report.values["l1"] = l1_B.detach().sum().item<double>() / global_batch;
  report_agreement(u_t.detach(), v_t.detach(), point.c.detach(), global_batch, report);
  return (sample_weight(method.weight, u_t, point).to(loss_B.options()) * loss_B).sum() / global_batch;
}

}  // namespace fgm
