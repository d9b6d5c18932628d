#pragma once

#include <ATen/ATen.h>

#include <functional>

#include "core/config/sections.h"

namespace fgm {

// A point of the flow path from noise eps to a sample x_0 of the student, or to an image of the data.
struct PathPoint {
  at::Tensor x_0;  // [B, ...]
  at::Tensor x_t;  // [B, ...]
  at::Tensor c;    // [B, ...], the conditional velocity eps - x_0
  at::Tensor t_B;
};

struct StudentLoss {
  at::Tensor loss_B;  // what the student descends, before sample_weight()
  at::Tensor l1_B;    // || u - v ||^2, reported
};

// What a method of distillation is, as a value: the student's loss, and what the estimator learns to predict. The
// draws, the updates and their guards are DistillStep's, for all methods. A loss is a mean over a sample's elements.
struct DistillLoss {
  // `u_t` teacher's and `v_t` estimator's velocity, [B, ...] at point.x_t. Gradients reach the student through point's
  // x_0, x_t and c, and through x_t in u_t and v_t (see jacobian_share).
  std::function<StudentLoss(const at::Tensor& u_t, const at::Tensor& v_t, const PathPoint& point)> student;
  // The estimator's error [B] at a point of the present student's, whose tensors have no history.
  std::function<at::Tensor(const at::Tensor& v_t, const PathPoint& point)> estimator_B;
  // What the estimator's error adds at a point of the path to the batch's images, [B]; empty: the method needs none.
  std::function<at::Tensor(const at::Tensor& v_t, const PathPoint& point)> estimator_on_images_B = {};
};

// The loss that method.loss chooses:
//   fgm      L2 + lambda_1 L1 (fgm_loss.h); the estimator learns the student's flow, v = E[c | x_t]
//   dmd      the same with lambda_1 = 0, without the Jacobians of the networks: 2 <u - v, v - c> with a gradient
//            through c alone is the difference of the two scores, as distribution matching distillation has it
//            (Yin et al., arXiv 2311.18828, eq. 7, up to its weight)
//   realuid  alpha (|| u - c' ||^2 - || v - c' ||^2), c' = beta / alpha c; the estimator descends
//            alpha || v - c' ||^2 + (1 - alpha) || v - (1 - beta) / (1 - alpha) c ||^2, the second at images
//            (arXiv 2509.22459; dist_loss() of the reference implementation). alpha = beta = 1 is fgm with lambda_1 = 1
DistillLoss make_distill_loss(const MethodConfig& method);

// Whether the method reads images, beside captions.
inline bool needs_images(const MethodConfig& method) {
  return method.loss == StudentLossKind::kRealUid && method.realuid_alpha < 1.0;
}

// The share of the gradient through the networks' inputs that the student's loss of this step keeps, in [0, 1]: from
// the first value of method.jacobian in step 0 linearly to the last in the last step; 0 for dmd. At 0 the networks are
// not differentiated, which saves a backward pass through each.
double jacobian_share(const MethodConfig& method, int64_t step);

// The weight [B] of the student's loss at a point: loss_weight() of t, or
//   normalised  t / mean |u - c|, which is t^2 (uniform in x_0 space) over the mean of |x_0 - x_teacher|, x_teacher =
//               x_t - t u the teacher's guess: SiD's weight (arXiv 2404.04057, eq. 25). It has no history.
at::Tensor sample_weight(LossWeight weight, const at::Tensor& u_t, const PathPoint& point);

}  // namespace fgm
