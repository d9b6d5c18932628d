#include "core/nn/layers.h"

#include "core/nn/linear_function.h"

namespace fgm {

Linear::Linear(int64_t num_in, int64_t num_out, const at::TensorOptions& options)
    : weight(at::empty({num_out, num_in}, options)), bias(at::empty({num_out}, options)) {}

at::Tensor Linear::operator()(const at::Tensor& x) const {
  return linear(x, weight, bias);
}

void Linear::visit(const std::string& prefix, const TensorVisitor& visitor) {
  visitor(prefix + ".weight", weight);
  visitor(prefix + ".bias", bias);
}

void Linear::initialise(const std::string& prefix, const Initialiser& init) {
  init.xavier_uniform(prefix + ".weight", weight);
  bias.zero_();
}

void Linear::initialise_zero() {
  weight.zero_();
  bias.zero_();
}

RmsNorm::RmsNorm(int64_t width, const at::TensorOptions& options) : weight(at::empty({width}, options)) {}

at::Tensor RmsNorm::operator()(const at::Tensor& x) const {
  return at::rms_norm(x, weight.sizes(), weight, 1e-6);
}

void RmsNorm::visit(const std::string& prefix, const TensorVisitor& visitor) {
  visitor(prefix + ".weight", weight);
}

void RmsNorm::initialise() {
  weight.fill_(1.0);
}

LayerNorm::LayerNorm(int64_t width, double norm_eps, const at::TensorOptions& options)
    : weight(at::empty({width}, options)), bias(at::empty({width}, options)), eps(norm_eps) {}

at::Tensor LayerNorm::operator()(const at::Tensor& x) const {
  return at::layer_norm(x, weight.sizes(), weight, bias, eps);
}

void LayerNorm::visit(const std::string& prefix, const TensorVisitor& visitor) {
  visitor(prefix + ".weight", weight);
  visitor(prefix + ".bias", bias);
}

Mlp::Mlp(int64_t width, int64_t hidden_width, const at::TensorOptions& options)
    : fc1(width, hidden_width, options), fc2(hidden_width, width, options) {}

at::Tensor Mlp::operator()(const at::Tensor& x) const {
  return fc2(at::gelu(fc1(x), "tanh"));
}

void Mlp::visit(const std::string& prefix, const TensorVisitor& visitor) {
  fc1.visit(prefix + ".fc1", visitor);
  fc2.visit(prefix + ".fc2", visitor);
}

void Mlp::initialise(const std::string& prefix, const Initialiser& init) {
  fc1.initialise(prefix + ".fc1", init);
  fc2.initialise(prefix + ".fc2", init);
}

}  // namespace fgm
