#pragma once

#include <memory>

#include "core/config/sections.h"
#include "core/nn/velocity_model.h"

namespace fgm {

// The network that `config` describes, with undefined parameter values: call its initialise() or load_parameters()
// next. `options` gives dtype and device; the meta device allocates nothing.
std::unique_ptr<VelocityModel> make_model(const ModelConfig& config, const at::TensorOptions& options);

// ConfigError naming the input when a shape does not fit a network of `config`; velocity() checks the same.
void check_inputs(const ModelConfig& config, const at::Tensor& x_t, const at::Tensor& t_B,
                  const Conditioning& condition);

// Trainable numbers; buffers do not count.
int64_t num_parameters(Network& network);

}  // namespace fgm
