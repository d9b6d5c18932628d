#include "core/models/init.h"

#include <cmath>

#include "core/base/rng.h"

namespace fgm {
namespace {

bool is_zero_at_start(const std::string& name) {
  return name.ends_with(".bias") || name.find(".adaLN_modulation.") != std::string::npos ||
         name.starts_with("final_layer.linear.");
}

bool is_vector_embedder(const std::string& name) {
  return name.starts_with("t_embedder.") || name.starts_with("y_embedder.");
}

at::Tensor xavier_uniform(const RandomStream& stream, int64_t num_out, int64_t num_in) {
  const double bound = std::sqrt(6.0 / static_cast<double>(num_in + num_out));
  return stream.uniform(0, 0, num_out, {num_in}) * (2.0 * bound) - bound;
}

at::Tensor initial_value(uint64_t seed, const std::string& name, at::IntArrayRef shape) {
  if (is_zero_at_start(name)) return at::zeros(shape);
  if (shape.size() == 1) return at::ones(shape);
  const RandomStream stream(seed, "init/" + name);
  const int64_t num_out = shape[0], num_in = c10::multiply_integers(shape.slice(1));
  const auto matrix = is_vector_embedder(name) ? stream.normal(0, 0, num_out, {num_in}) * 0.02
                                               : xavier_uniform(stream, num_out, num_in);
  return matrix.view(shape);
}

}  // namespace

void init_parameters(VelocityModel& model, uint64_t seed) {
  const at::NoGradGuard no_grad;
  visit_parameters(model, [&](const std::string& name, at::Tensor& parameter) {
    parameter.copy_(initial_value(seed, name, parameter.sizes()));
  });
}

}  // namespace fgm
