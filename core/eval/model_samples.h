#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

namespace fgm {

// What one model drew: image i for prompts[i], and what that took.
struct ModelSamples {
  std::string name;                  // "teacher_28"
  std::vector<std::string> prompts;  // one per image; repeated when a prompt was drawn several times
  at::Tensor images_NHWC;            // uint8 RGB
  int64_t steps = 0;                 // of the sampler
  int64_t evaluations = 0;           // of the network for one image; guidance takes two a step
  double ms_per_image = 0;
  nlohmann::ordered_json config;  // the resolved config that drew them
};

// ConfigError unless there is a model, all names differ, and all drew the same prompts, one image each, at one size.
void require_comparable(std::span<const ModelSamples> models);

}  // namespace fgm
