#include "launch/cli/tensor_stats.h"

#include <algorithm>
#include <cmath>

namespace fgm {
namespace {

constexpr int64_t kElementsAPiece = 1 << 20;

// Count, mean and sum of squared deviations of what was seen so far. Pieces join by Chan, Golub and LeVeque,
// "Updating Formulae and a Pairwise Algorithm for Computing Sample Variances" (1979).
struct Moments {
  double count = 0.0;
  double mean = 0.0;
  double squares = 0.0;

  void join(const Moments& other) {
    if (other.count == 0.0) return;
    const double total = count + other.count;
    const double difference = other.mean - mean;
    squares += other.squares + difference * difference * count * other.count / total;
    mean += difference * other.count / total;
    count = total;
  }
};

Moments moments_of(const at::Tensor& finite) {
  if (finite.numel() == 0) return {};
  const auto mean = finite.mean();
  return {static_cast<double>(finite.numel()), mean.item<double>(), (finite - mean).square().sum().item<double>()};
}

}  // namespace

TensorStats tensor_stats(const at::Tensor& tensor) {
  const auto flat = tensor.detach().reshape({-1});
  Moments moments;
  TensorStats stats;
  for (int64_t begin = 0; begin < flat.numel(); begin += kElementsAPiece) {
    const auto piece = flat.narrow(0, begin, std::min(kElementsAPiece, flat.numel() - begin)).to(at::kDouble);
    const auto finite = piece.masked_select(piece.isfinite());
    stats.num_non_finite += piece.numel() - finite.numel();
    moments.join(moments_of(finite));
  }
  if (moments.count > 0.0) {
    stats.mean = moments.mean;
    stats.std = std::sqrt(moments.squares / moments.count);
  }
  return stats;
}

}  // namespace fgm
