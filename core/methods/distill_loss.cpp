#include "core/methods/distill_loss.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/flow/flow_path.h"
#include "core/flow/time_sampler.h"
#include "core/methods/fgm_loss.h"

namespace fgm {
namespace {

// The error of a velocity that learns `scale` c, `weight` times.
auto flow_error(double weight, double scale) {
  return [weight, scale](const at::Tensor& v_t, const PathPoint& point) {
    return weight * mean_per_sample((v_t - scale * point.c).square());
  };
}

DistillLoss fgm(double lambda_1) {
  const auto student = [lambda_1](const at::Tensor& u_t, const at::Tensor& v_t, const PathPoint& point) -> StudentLoss {
    const FgmLoss parts = fgm_loss(u_t, v_t, point.c, lambda_1);
    return {parts.loss_B, parts.l1_B};
  };
  return {.student = student, .estimator_B = flow_error(1.0, 1.0)};
}

DistillLoss realuid(double alpha, double beta) {
  const double scale = beta / alpha;
  const auto student = [alpha, scale](const at::Tensor& u_t, const at::Tensor& v_t,
                                      const PathPoint& point) -> StudentLoss {
    const FgmLoss parts = fgm_loss(u_t, v_t, scale * point.c, /*lambda_1=*/1.0);
    return {alpha * parts.loss_B, parts.l1_B};
  };
  DistillLoss loss{.student = student, .estimator_B = flow_error(alpha, scale)};
  if (alpha < 1.0) loss.estimator_on_images_B = flow_error(1.0 - alpha, (1.0 - beta) / (1.0 - alpha));
  return loss;
}

}  // namespace

DistillLoss make_distill_loss(const MethodConfig& method) {
  switch (method.loss) {
    case StudentLossKind::kFgm:
      return fgm(method.lambda_1);
    case StudentLossKind::kDmd:
      return fgm(/*lambda_1=*/0.0);
    case StudentLossKind::kRealUid:
      return realuid(method.realuid_alpha, method.realuid_beta);
    case StudentLossKind::kRegression:
      break;
  }
  check(false, "unknown loss {}", static_cast<int>(method.loss));
  return {};
}

double jacobian_share(const MethodConfig& method, int64_t step) {
  if (method.loss == StudentLossKind::kDmd) return 0.0;
  const double first = method.jacobian.front(), last = method.jacobian.back();
  const auto num_steps = static_cast<double>(std::max<int64_t>(1, method.steps - 1));
  return first + (last - first) * std::min(1.0, static_cast<double>(step) / num_steps);
}

at::Tensor sample_weight(LossWeight weight, const at::Tensor& u_t, const PathPoint& point) {
  if (weight != LossWeight::kNormalised) return loss_weight(weight, point.t_B);
  const at::NoGradGuard no_grad;
  return point.t_B / mean_per_sample((u_t - point.c).abs());
}

}  // namespace fgm
