#include "core/nn/embedding.h"

#include <cmath>

namespace fgm {

at::Tensor sinusoid(const at::Tensor& angles_B, int64_t num_frequencies, int64_t divisor) {
  const auto options = angles_B.options().dtype(at::kFloat);
  const auto frequencies = at::exp(at::arange(num_frequencies, options) * -std::log(1e4) / divisor);
  const auto angles = angles_B.to(at::kFloat).unsqueeze(1) * frequencies;
  return at::cat({at::cos(angles), at::sin(angles)}, 1);
}

at::Tensor timestep_sinusoid(const at::Tensor& t_B) {
  constexpr int64_t kHalf = kTimestepFrequencies / 2;
  return sinusoid(t_B.to(at::kFloat) * 1000.0, kHalf, kHalf);
}

VectorEmbedder::VectorEmbedder(int64_t num_in, int64_t width, const at::TensorOptions& options)
    : linear_1(num_in, width, options), linear_2(width, width, options) {}

at::Tensor VectorEmbedder::operator()(const at::Tensor& x) const {
  return linear_2(at::silu(linear_1(x.to(linear_1.weight.scalar_type()))));
}

void VectorEmbedder::visit(const std::string& prefix, const TensorVisitor& visitor) {
  linear_1.visit(prefix + ".mlp.0", visitor);
  linear_2.visit(prefix + ".mlp.2", visitor);
}

void VectorEmbedder::initialise(const std::string& prefix, const Initialiser& init) {
  constexpr double kStd = 0.02;
  init.normal(prefix + ".mlp.0.weight", linear_1.weight, kStd);
  init.normal(prefix + ".mlp.2.weight", linear_2.weight, kStd);
  linear_1.bias.zero_();
  linear_2.bias.zero_();
}

}  // namespace fgm
