#pragma once

#include <ATen/ATen.h>

namespace fgm {

// FGM's student loss, one value a sample [B], the mean over the sample's elements.
struct FgmLoss {
  at::Tensor l1_B;    // || u - v ||^2, eq. 4.11 of arXiv 2410.19310: the true objective, and the number to watch
  at::Tensor l2_B;    // 2 < u - v, v - c >, eq. 4.12; its mean is 0 whenever v is exact, so never a measure of progress
  at::Tensor loss_B;  // lambda_1 l1 + l2
};

// `u` teacher's velocity, `v` estimator's, `c` = eps - x_0, all [B, ...] at the same x_t. Gradients must flow into all
// three: through x_t into both networks' inputs, and through c. lambda_1 = 1 is the theorem, 0 what the paper trains
// with, 2 (1 - alpha) SiD's alpha.
FgmLoss fgm_loss(const at::Tensor& u, const at::Tensor& v, const at::Tensor& c, double lambda_1);

}  // namespace fgm
