#pragma once

#include <cstdint>

#include "core/nn/velocity_model.h"

namespace fgm {

// A conditioning and its unconditional counterpart (one row, the empty caption).
struct GuidedCondition {
  Conditioning condition;
  Conditioning null_row;
};

// Classifier-free guidance (arXiv 2207.12598): v_null + scale (v_cond - v_null), both halves in one batched forward.
// scale = 1 is the plain conditional velocity and 0 the unconditional one, each at half the cost. Shapes as in VelocityModel::velocity.
at::Tensor guided_velocity(VelocityModel& model, const at::Tensor& x_t, const at::Tensor& t_B,
                           const GuidedCondition& condition, double scale);

// The rows of the network that guided_velocity() evaluates for each sample: 2, or 1 where a scale needs one half only.
int64_t num_passes(double scale);

// `rows` copies of a one-row conditioning, without copying memory.
Conditioning expand_rows(const Conditioning& one_row, int64_t rows);

}  // namespace fgm
