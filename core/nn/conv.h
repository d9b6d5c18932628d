#pragma once

#include "core/nn/layers.h"

// B batch, C channels, H x W pixels.
namespace fgm {

struct ConvConfig {
  int64_t kernel = 3;
  int64_t stride = 1;
  int64_t padding = 1;
};

inline constexpr ConvConfig k1x1{.kernel = 1, .stride = 1, .padding = 0};

struct Conv2d {
  Conv2d(int64_t num_in, int64_t num_out, const ConvConfig& config, const at::TensorOptions& options);
  at::Tensor operator()(const at::Tensor& x_BCHW) const;
  void visit(const std::string& prefix, const TensorVisitor& visitor);
  // As Linear's.
  void initialise(const std::string& prefix, const Initialiser& init);
  void initialise_zero();

  ConvConfig config;
  at::Tensor weight;  // [out, in, kernel, kernel]
  at::Tensor bias;    // [out]
};

// Group norm with affine parameters.
struct GroupNorm {
  GroupNorm(int64_t num_groups, int64_t num_channels, const at::TensorOptions& options, double eps = 1e-6);
  at::Tensor operator()(const at::Tensor& x_BCHW) const;
  void visit(const std::string& prefix, const TensorVisitor& visitor);
  void initialise();  // ones, zeros

  int64_t num_groups;
  double eps;
  at::Tensor weight;  // [C]
  at::Tensor bias;    // [C]
};

}  // namespace fgm
