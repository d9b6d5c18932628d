#include "core/methods/distill_loss.h"

#include "core/flow/flow_path.h"
#include "core/methods/fgm_loss.h"

namespace fgm {
namespace {

at::Tensor flow_error(const at::Tensor& v_t, const PathPoint& point) {
  return mean_per_sample((v_t - point.c).square());
}

}  // namespace

DistillLoss make_distill_loss(const MethodConfig& method) {
  const auto student = [lambda_1 = method.lambda_1](const at::Tensor& u_t, const at::Tensor& v_t,
                                                    const PathPoint& point) -> StudentLoss {
    const FgmLoss parts = fgm_loss(u_t, v_t, point.c, lambda_1);
    return {parts.loss_B, parts.l1_B};
  };
  return {student, flow_error};
}

}  // namespace fgm
