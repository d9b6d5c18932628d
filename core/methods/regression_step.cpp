#include "core/methods/regression_step.h"

#include "core/base/error.h"
#include "core/flow/flow_path.h"
#include "core/flow/student_generator.h"
#include "core/train/roles.h"
#include "core/train/update.h"

namespace fgm {

RegressionStep::RegressionStep(ParameterEngine& student, const RegressionOptions& options)
    : student_(student), options_(options) {
  student_.set_trainable(true);
}

StepReport RegressionStep::run(int64_t step, BatchSource& source) {
  const auto role = std::string(role::kStudent);
  const MethodConfig& method = options_.method;
  StepReport report{.command = "distill", .images = 0, .is_finite = true, .values = {}};
  const Batch batch = in_phase(options_.phases, role + ".data", [&] { return source.next(); });
  const auto error = in_phase(options_.phases, role + ".forward", [&] { return loss(batch); });
  descend(error, student_, role, learning_rate(method.student, step, method.steps), options_.phases, report);
  report.images = batch.global_batch;
  const PhaseScope wait(options_.phases, "wait");
  sum_over_ranks(options_.sum_over_ranks, {"loss.student"}, report);
  return report;
}

at::Tensor RegressionStep::loss(const Batch& batch) {
  check(batch.noise.defined(), "regression needs batches with the noise of their samples");
  const auto z = batch.noise.to(options_.tensors), x = batch.images.to(options_.tensors);
  const auto x_0 =
      generate(student_.model(), {&z, 1}, to(batch.condition, options_.tensors), generator_of(options_.method));
  return mean_per_sample((x_0 - x).square()).sum() / static_cast<double>(batch.global_batch);
}

}  // namespace fgm
