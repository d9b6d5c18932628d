#include "parallel/optim/grad_norm.h"

#include <cmath>

namespace fgm {

double grad_norm(const at::Tensor& gradient_shard, Communicator& shard_axis, PhaseListener* phases) {
  // In binary floating point sqrt(x * x) is x.
  const auto sum_of_squares = at::linalg_vector_norm(gradient_shard, 2, {}, false, at::kDouble).square();
  in_phase(phases, "wait", [&] { shard_axis.all_reduce(sum_of_squares, Reduce::kSum).wait(); });
  return std::sqrt(sum_of_squares.item<double>());
}

}  // namespace fgm
