#include "core/nn/linear_function.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/autograd/custom_function.h>

#include <optional>
#include <string_view>

namespace fgm {
namespace {

using OneDnnLinear = at::Tensor(const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&,
                                std::string_view, c10::List<std::optional<at::Scalar>>,
                                std::optional<std::string_view>);

// The operator behind torch.compile's CPU linear layers; nothing in a LibTorch that was built without oneDNN.
const std::optional<c10::TypedOperatorHandle<OneDnnLinear>>& onednn_linear() {
  static const auto handle = [] {
    const auto found = c10::Dispatcher::singleton().findSchema({"mkldnn::_linear_pointwise", ""});
    return found && found->hasKernelForDispatchKey(c10::DispatchKey::CPU) ? std::optional(found->typed<OneDnnLinear>())
                                                                          : std::nullopt;
  }();
  return handle;
}

// a [m, k] b [n, k]^T + bias; a and b may be transposed views.
at::Tensor product(const at::Tensor& a, const at::Tensor& b, const std::optional<at::Tensor>& bias = std::nullopt) {
  return onednn_linear()->call(a, b, bias, "none", c10::List<std::optional<at::Scalar>>(), "");
}

// The operator copies a transposed `a`, so the narrower of the two goes first.
at::Tensor weight_gradient(const at::Tensor& grad_MN, const at::Tensor& x_MK) {
  if (grad_MN.size(1) <= x_MK.size(1)) return product(grad_MN.t(), x_MK.t());
  return product(x_MK.t(), grad_MN.t()).t().contiguous();
}

class LinearFunction : public torch::autograd::Function<LinearFunction> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* ctx, const at::Tensor& x, const at::Tensor& weight,
                            const at::Tensor& bias) {
    ctx->save_for_backward({x, weight});
    return product(x, weight, bias);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* ctx,
                                                 const torch::autograd::variable_list& grads) {
    const auto saved = ctx->get_saved_variables();
    const auto &x = saved[0], &weight = saved[1];
    const auto grad_MN = grads[0].reshape({-1, weight.size(0)});
    const auto x_MK = x.reshape({-1, weight.size(1)});
    // The operator has no derivative of its own, so a backward pass that is itself differentiated avoids it.
    const bool is_differentiated = at::GradMode::is_enabled();
    at::Tensor grad_x, grad_weight, grad_bias;
    if (ctx->needs_input_grad(0)) {
      grad_x = (is_differentiated ? at::mm(grad_MN, weight) : product(grad_MN, weight.t())).view_as(x);
    }
    if (ctx->needs_input_grad(1)) {
      grad_weight = is_differentiated ? at::mm(grad_MN.t(), x_MK) : weight_gradient(grad_MN, x_MK);
    }
    if (ctx->needs_input_grad(2)) grad_bias = grad_MN.sum(0);
    return {grad_x, grad_weight, grad_bias};
  }
};

bool runs_in_onednn(const at::Tensor& x, const at::Tensor& weight) {
  const bool is_float_on_cpu =
      x.device().is_cpu() && x.scalar_type() == at::kFloat && weight.scalar_type() == at::kFloat;
  const bool fits = x.numel() > 0 && x.dim() > 0 && x.size(-1) == weight.size(1);
  return is_float_on_cpu && fits && at::globalContext().userEnabledMkldnn() && onednn_linear();
}

}  // namespace

at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  return runs_in_onednn(x, weight) ? LinearFunction::apply(x, weight, bias) : at::linear(x, weight, bias);
}

at::Tensor project(const at::Tensor& x, const at::Tensor& weight) {
  const bool needs_gradient = at::GradMode::is_enabled() && (x.requires_grad() || weight.requires_grad());
  return runs_in_onednn(x, weight) && !needs_gradient ? product(x, weight) : at::linear(x, weight);
}

}  // namespace fgm
