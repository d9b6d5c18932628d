#pragma once

#include <cstdint>

#include "core/nn/velocity_model.h"

namespace fgm {

// Fills every parameter in place from (seed, its name): the values depend on neither order, dtype's width beyond
// rounding, nor who else is initialised. The rules are DiT's initialize_weights (facebookresearch/DiT, models.py):
//
// - weights of linear layers and of the patch embedding, as a matrix [D, C p p]: Xavier, uniform +-sqrt(6 / (in +
// out));
// - weights of t_embedder and y_embedder: normal with standard deviation 0.02 (DiT embeds class labels where SD3 has
//   y_embedder, and its label table has the same 0.02);
// - adaLN modulation and the final linear layer: zero, so that every block starts as the identity;
// - biases: zero;
// - q/k norm weights: one, torch's RMSNorm default.
void init_parameters(VelocityModel& model, uint64_t seed);

}  // namespace fgm
