#pragma once

#include "core/base/rng.h"
#include "core/models/model_factory.h"

namespace fgm::support {

// A network whose parameters are all random: as initialise() leaves them, zeros would keep most from having influence.
inline std::unique_ptr<VelocityModel> random_model(const ModelConfig& config, uint64_t seed, at::ScalarType dtype) {
  auto model = make_model(config, dtype);
  visit_parameters(*model, [&](const std::string& name, at::Tensor& parameter) {
    parameter.copy_(RandomStream(seed, name).normal(0, 0, parameter.size(0), parameter.sizes().slice(1)) * 0.3);
  });
  return model;
}

}  // namespace fgm::support
