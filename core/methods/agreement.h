#pragma once

#include <ATen/ATen.h>

#include "core/train/step.h"

namespace fgm {

// How far the estimator agrees with the teacher, and with the flow that it is to learn, on one batch of the student's.

// Reports this rank's share of the batch's means: "l2" = 2 <u - v, v - c>, and what report_cosine() turns into the
// cosine: "uu", "uv" and "vv". `u` teacher's, `v` estimator's and `c` conditional velocity, [B, ...], without history.
void report_agreement(const at::Tensor& u, const at::Tensor& v, const at::Tensor& c, double global_batch,
                      StepReport& report);

// Reports "cosine" = uv / sqrt(uu vv) in place of these three, which are summed over the ranks by now: the cosine of
// the batch's velocities as two long vectors, in which a sample weighs as much as its velocities are long.
void report_cosine(StepReport& report);

}  // namespace fgm
