#include "core/nn/conv.h"

namespace fgm {

Conv2d::Conv2d(int64_t num_in, int64_t num_out, const ConvConfig& conv, const at::TensorOptions& options)
    : config(conv),
      weight(at::empty({num_out, num_in, conv.kernel, conv.kernel}, options)),
      bias(at::empty({num_out}, options)) {}

at::Tensor Conv2d::operator()(const at::Tensor& x_BCHW) const {
  return at::conv2d(x_BCHW, weight, bias, config.stride, config.padding);
}

void Conv2d::visit(const std::string& prefix, const TensorVisitor& visitor) {
  visitor(prefix + ".weight", weight);
  visitor(prefix + ".bias", bias);
}

void Conv2d::initialise(const std::string& prefix, const Initialiser& init) {
  init.xavier_uniform(prefix + ".weight", weight);
  bias.zero_();
}

void Conv2d::initialise_zero() {
  weight.zero_();
  bias.zero_();
}

GroupNorm::GroupNorm(int64_t groups, int64_t num_channels, const at::TensorOptions& options, double epsilon)
    : num_groups(groups),
      eps(epsilon),
      weight(at::empty({num_channels}, options)),
      bias(at::empty({num_channels}, options)) {}

at::Tensor GroupNorm::operator()(const at::Tensor& x_BCHW) const {
  return at::group_norm(x_BCHW, num_groups, weight, bias, eps);
}

void GroupNorm::visit(const std::string& prefix, const TensorVisitor& visitor) {
  visitor(prefix + ".weight", weight);
  visitor(prefix + ".bias", bias);
}

void GroupNorm::initialise() {
  weight.fill_(1.0);
  bias.zero_();
}

}  // namespace fgm
