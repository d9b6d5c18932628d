#include "core/methods/fgm_loss.h"

#include "core/flow/flow_path.h"

namespace fgm {

FgmLoss fgm_loss(const at::Tensor& u, const at::Tensor& v, const at::Tensor& c, double lambda_1) {
  const auto gap = u - v;
  FgmLoss loss;
  loss.l1_B = mean_per_sample(gap.square());
  loss.l2_B = 2.0 * mean_per_sample(gap * (v - c));
  // lambda_1 = 0 leaves L1 out of the graph: it is reported, and costs no backward pass.
  loss.loss_B = lambda_1 == 0.0 ? loss.l2_B : lambda_1 * loss.l1_B + loss.l2_B;
  return loss;
}

}  // namespace fgm
