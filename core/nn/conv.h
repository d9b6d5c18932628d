#pragma once

#include "core/nn/layers.h"

// B batch, C channels, H x W pixels.
namespace fgm {

struct ConvConfig {
  int64_t kernel = 3;
  int64_t stride = 1;
  int64_t padding = 1;
};

struct Conv2d {
  Conv2d(int64_t num_in, int64_t num_out, const ConvConfig& config, const at::TensorOptions& options);
  at::Tensor operator()(const at::Tensor& x_BCHW) const;
  void visit(const std::string& prefix, const TensorVisitor& visitor);

  ConvConfig config;
  at::Tensor weight;  // [out, in, kernel, kernel]
  at::Tensor bias;    // [out]
};

// Group norm with affine parameters, eps 1e-6.
struct GroupNorm {
  GroupNorm(int64_t num_groups, int64_t num_channels, const at::TensorOptions& options);
  at::Tensor operator()(const at::Tensor& x_BCHW) const;
  void visit(const std::string& prefix, const TensorVisitor& visitor);

  int64_t num_groups;
  at::Tensor weight;  // [C]
  at::Tensor bias;    // [C]
};

}  // namespace fgm
