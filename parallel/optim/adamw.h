#pragma once

#include <ATen/ATen.h>

#include <cstdint>

#include "core/config/sections.h"

namespace fgm {

// Adam with decoupled weight decay (Loshchilov and Hutter, arXiv 1711.05101; with weight_decay = 0 it is Adam,
// arXiv 1412.6980) over one flat buffer of parameters. With beta1 = 0 the first moment is the gradient itself and takes
// no memory.
class AdamW {
 public:
  // How many moments are kept of each parameter.
  static int64_t num_moments(const OptimizerConfig& config) { return config.beta1 != 0.0 ? 2 : 1; }

  // State for a flat parameter buffer of `num_elements`, with `options` of that buffer.
  AdamW(const OptimizerConfig& config, int64_t num_elements, const at::TensorOptions& options);

  int64_t num_updates() const { return num_updates_; }
  void set_num_updates(int64_t num_updates) { num_updates_ = num_updates; }
  const at::Tensor& exp_avg() const { return first_moment_; }  // undefined when beta1 = 0
  const at::Tensor& exp_avg_sq() const { return second_moment_; }

  // One update of `parameters` in place; `gradients` [num_elements] is only read.
  void step(at::Tensor& parameters, const at::Tensor& gradients, double lr);

 private:
  OptimizerConfig config_;
  int64_t num_updates_ = 0;
  at::Tensor first_moment_;  // undefined when beta1 = 0
  at::Tensor second_moment_;
};

}  // namespace fgm
