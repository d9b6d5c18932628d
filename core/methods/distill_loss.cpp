#include "core/methods/distill_loss.h"

#include "core/base/error.h"
#include "core/flow/flow_path.h"
#include "core/methods/fgm_loss.h"

namespace fgm {
namespace {

at::Tensor flow_error(const at::Tensor& v_t, const PathPoint& point) {
  return mean_per_sample((v_t - point.c).square());
}

DistillLoss fgm(double lambda_1) {
  const auto student = [lambda_1](const at::Tensor& u_t, const at::Tensor& v_t, const PathPoint& point) -> StudentLoss {
    const FgmLoss parts = fgm_loss(u_t, v_t, point.c, lambda_1);
    return {parts.loss_B, parts.l1_B};
  };
  return {.differentiates_networks = true, .student = student, .estimator_B = flow_error};
}

DistillLoss dmd() {
  DistillLoss loss = fgm(/*lambda_1=*/0.0);
  loss.differentiates_networks = false;
  return loss;
}

}  // namespace

DistillLoss make_distill_loss(const MethodConfig& method) {
  switch (method.loss) {
    case StudentLossKind::kFgm:
      return fgm(method.lambda_1);
    case StudentLossKind::kDmd:
      return dmd();
  }
  check(false, "unknown loss {}", static_cast<int>(method.loss));
  return {};
}

}  // namespace fgm
