#include "core/nn/initialiser.h"

#include <cmath>

#include "core/base/rng.h"

namespace fgm {
namespace {

struct MatrixSize {
  int64_t out, in;
};

MatrixSize matrix_size(const at::Tensor& parameter) {
  return {parameter.size(0), c10::multiply_integers(parameter.sizes().slice(1))};
}

RandomStream stream_of(uint64_t seed, const std::string& name) {
  return RandomStream(seed, "init/" + name);
}

}  // namespace

void Initialiser::xavier_uniform(const std::string& name, at::Tensor& parameter) const {
  const auto [out, in] = matrix_size(parameter);
  const double bound = std::sqrt(6.0 / static_cast<double>(in + out));
  const auto values = stream_of(seed_, name).uniform(0, 0, out, {in}) * (2.0 * bound) - bound;
  parameter.copy_(values.view(parameter.sizes()));
}

void Initialiser::normal(const std::string& name, at::Tensor& parameter, double std) const {
  const auto [out, in] = matrix_size(parameter);
  parameter.copy_((stream_of(seed_, name).normal(0, 0, out, {in}) * std).view(parameter.sizes()));
}

}  // namespace fgm
