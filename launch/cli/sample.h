#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/config/config.h"
#include "data/import/prompt_list.h"
#include "launch/job/start_checks.h"
#include "launch/sampling/image_sampler.h"

// What `fgm sample` and `fgm pairs` share.
namespace fgm {

// A model and captions, opened and checked (start_checks.h); an autoencoder is the caller's.
struct SampleStart {
  WeightsPlace place;
  OpenWeights weights;
  TextConfig text;  // what the weights take
  std::vector<Prompt> prompts;
  std::vector<std::string> captions;  // of the prompts
  SampleOptions options;
};

// Opens what [sample] names: the weights of sample.role, or of the first of `roles` that are there.
SampleStart open_sample(const Config& config, const std::vector<std::string>& roles, at::Device device,
                        const StartContext& context);

// What the samples' provenance says of model and settings.
nlohmann::ordered_json describe(const Config& config, const SampleStart& start);

}  // namespace fgm
