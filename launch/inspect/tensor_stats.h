#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "core/base/range.h"

namespace fgm {

// Copies elements [begin, begin + out.numel()) into the 1-D CPU tensor `out`, converted to its dtype.
using ReadElements = std::function<void(int64_t begin, const at::Tensor& out)>;

// Mean and standard deviation (over n, not n - 1) of the finite elements, in float64; nothing when there is none.
struct TensorStats {
  std::optional<double> mean;
  std::optional<double> std;
  int64_t num_non_finite = 0;
};

// Measures the elements of `ranges`, read in pieces: the memory it needs does not grow with the tensor.
TensorStats tensor_stats(std::span<const Range> ranges, const ReadElements& read);

// How far b is from a. Elements that are not finite in one of them and not the same in both (NaN is NaN) are counted in
// num_non_finite, and left out of the rest.
struct TensorDifference {
  bool is_identical = true;  // bit for bit, of the same dtype
  double max_abs = 0.0;      // max |a - b|
  double max_a = 0.0;        // max |a|
  double squares = 0.0;      // sum (a - b)^2
  double squares_a = 0.0;    // sum a^2
  int64_t num_non_finite = 0;

  // max |a - b| / max |a| and |a - b| / |a|; 0 where a and b are equal, nothing where only a is zero or float64
  // overflows.
  std::optional<double> max_relative() const;
  std::optional<double> l2_relative() const;
};

struct TensorReader {
  at::ScalarType dtype;
  ReadElements read;
};

// Compares two tensors of `num_elements`, read in pieces.
TensorDifference tensor_difference(int64_t num_elements, const TensorReader& a, const TensorReader& b);

}  // namespace fgm
