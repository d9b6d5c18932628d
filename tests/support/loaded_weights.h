#pragma once

#include "core/models/model_factory.h"
#include "core/models/weights.h"
#include "launch/weights/weights.h"

namespace fgm::support {

struct LoadedWeights {
  WeightsInfo info;
  std::unique_ptr<VelocityModel> model;
};

// What a command that samples does with a user's path, on the CPU in float32.
inline LoadedWeights load_weights(const std::filesystem::path& path, const std::vector<std::string>& roles) {
  const OpenWeights weights = open_weights(verify_weights(find_weights(path, roles)));
  auto model = make_model(weights.info.config.model, at::kFloat);
  load_parameters(*model, *weights.source);
  return {weights.info, std::move(model)};
}

}  // namespace fgm::support
