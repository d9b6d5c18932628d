#pragma once

#include <cstdint>

#include "core/nn/velocity_model.h"

namespace fgm {

// Fills every parameter in place from (seed, its name): the values depend on neither order, dtype's width
// beyond rounding, nor who else is initialised. The rules are DiT's initialize_weights (facebookresearch/DiT,
// models.py):
//   weights of linear layers and of the patch embedding (as a matrix [D, C p p])  uniform +-sqrt(6 / (in +
//   out)), Xavier t_embedder and y_embedder weights                                            normal,
//   standard deviation 0.02 adaLN modulation and the final linear layer zero: every block starts as identity
//   biases                                                                       zero
//   q/k norm weights                                                             one (torch's RMSNorm
//   default)
// DiT embeds class labels where SD3 has y_embedder; it gets the rule of DiT's label table, which is the same
// 0.02.
void init_parameters(VelocityModel& model, uint64_t seed);

}  // namespace fgm
