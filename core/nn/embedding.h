#pragma once

#include "core/nn/layers.h"

namespace fgm {

// [B, 2 num] float32 = [cos(a f_i), sin(a f_i)] with f_i = exp(-ln(1e4) i / divisor), i = 0..num-1: the embedding of
// positions of Vaswani et al. (arXiv 1706.03762).
at::Tensor sinusoid(const at::Tensor& angles_B, int64_t num_frequencies, int64_t divisor);

inline constexpr int64_t kTimestepFrequencies = 256;

// [B, 256] float32: sinusoid() of 1000 t with 128 frequencies, divisor 128.
// Float32 whatever the network's dtype: a bfloat16 t turns 857.7 into 856. Source: SD3's timestep_embedding.
at::Tensor timestep_sinusoid(const at::Tensor& t_B);

// Linear, SiLU, Linear: SD3's embedder of the timestep sinusoid and of the pooled text.
struct VectorEmbedder {
  VectorEmbedder(int64_t num_in, int64_t width, const at::TensorOptions& options);
  // Converts `x` to the parameters' dtype first.
  at::Tensor operator()(const at::Tensor& x) const;
  void visit(const std::string& prefix, const TensorVisitor& visitor);
  // Weights: normal with standard deviation 0.02; biases: zero.
  void initialise(const std::string& prefix, const Initialiser& init);

  Linear linear_1;  // "mlp.0"
  Linear linear_2;  // "mlp.2"
};

}  // namespace fgm
