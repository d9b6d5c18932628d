#pragma once

#include <ATen/ATen.h>

#include <functional>

#include "core/config/sections.h"

namespace fgm {

// A point of the flow path from noise eps to a sample x_0 of the student.
struct PathPoint {
  at::Tensor x_0;  // [B, ...]
  at::Tensor x_t;  // [B, ...]
  at::Tensor c;    // [B, ...], the conditional velocity eps - x_0
  at::Tensor t_B;
};

struct StudentLoss {
  at::Tensor loss_B;  // what the student descends, before its weight in time
  at::Tensor l1_B;    // || u - v ||^2, reported
};

// What a method of distillation is, as a value: the student's loss, and what the estimator learns to predict. The
// draws, the updates and their guards are DistillStep's, for all methods. A loss is a mean over a sample's elements.
struct DistillLoss {
  // Whether the student's loss differentiates the networks: false gives it u_t and v_t without history, and saves a
  // backward pass through each.
  bool differentiates_networks = true;
  // `u_t` teacher's and `v_t` estimator's velocity, [B, ...] at point.x_t. Gradients reach the student through point's
  // x_0, x_t and c, and through x_t in u_t and v_t; a loss that wants less detaches them.
  std::function<StudentLoss(const at::Tensor& u_t, const at::Tensor& v_t, const PathPoint& point)> student;
  // The estimator's error [B] at a point of the present student's, whose tensors have no history.
  std::function<at::Tensor(const at::Tensor& v_t, const PathPoint& point)> estimator_B;
};

// The loss that method.loss chooses, all with an estimator that learns the student's flow, v = E[c | x_t]:
//   fgm  L2 + lambda_1 L1 (fgm_loss.h)
//   dmd  2 <u - v, v - c> with a gradient through c alone: the difference of the two scores, as distribution matching
//        distillation has it (Yin et al., arXiv 2311.18828, eq. 7, up to its weight), is L2's gradient without the
//        Jacobians of the two networks
DistillLoss make_distill_loss(const MethodConfig& method);

}  // namespace fgm
