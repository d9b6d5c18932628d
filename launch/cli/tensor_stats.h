#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <optional>

namespace fgm {

// Mean and standard deviation (over n, not n - 1) of a tensor's finite elements, in float64; nothing when it has none.
struct TensorStats {
  std::optional<double> mean;
  std::optional<double> std;
  int64_t num_non_finite = 0;
};

// Reads the CPU tensor in pieces: the memory it needs does not grow with the tensor.
TensorStats tensor_stats(const at::Tensor& tensor);

}  // namespace fgm
