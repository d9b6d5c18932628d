#pragma once

#include <ATen/ATen.h>

#include <string>

#include "core/nn/block.h"
#include "core/nn/initialiser.h"

// Layers are plain structs over ATen functions, not torch::nn modules: torch/torch.h alone costs 19 s a file,
// a layer must be constructible on the meta device for dry runs, and values must come from counter-based
// streams keyed by the parameter's name rather than from a global generator. So a constructor only allocates
// (the values are undefined until initialise() or load_parameters()), and visit() and initialise() call each tensor
// `prefix` + its own name.
namespace fgm {

// y = x W^T + b over the last dimension.
struct Linear {
  Linear(int64_t num_in, int64_t num_out, const at::TensorOptions& options);
  at::Tensor operator()(const at::Tensor& x) const;
  void visit(const std::string& prefix, const TensorVisitor& visitor);
  // Weight: Xavier uniform; bias: zero.
  void initialise(const std::string& prefix, const Initialiser& init);
  // All zero: for the last layer of a branch, which then does nothing at the start.
  void initialise_zero();

  at::Tensor weight;  // [out, in]
  at::Tensor bias;    // [out]
};

// x / sqrt(mean(x^2) + 1e-6) * weight over the last dimension; SD3.5 normalises every head of q and k with it.
struct RmsNorm {
  RmsNorm(int64_t width, const at::TensorOptions& options);
  at::Tensor operator()(const at::Tensor& x) const;
  void visit(const std::string& prefix, const TensorVisitor& visitor);
  void initialise();  // ones

  at::Tensor weight;  // [width]
};

// (x - mean) / sqrt(variance + eps) * weight + bias over the last dimension.
struct LayerNorm {
  LayerNorm(int64_t width, double norm_eps, const at::TensorOptions& options);
  at::Tensor operator()(const at::Tensor& x) const;
  void visit(const std::string& prefix, const TensorVisitor& visitor);

  at::Tensor weight;  // [width]
  at::Tensor bias;    // [width]
  double eps;
};

// Linear, GELU (tanh approximation), Linear.
struct Mlp {
  Mlp(int64_t width, int64_t hidden_width, const at::TensorOptions& options);
  at::Tensor operator()(const at::Tensor& x) const;
  void visit(const std::string& prefix, const TensorVisitor& visitor);
  void initialise(const std::string& prefix, const Initialiser& init);

  Linear fc1;
  Linear fc2;
};

}  // namespace fgm
