#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "launch/checkpoint/manifest.h"

namespace fgm {

// The training state in a manifest, under the manifest's own keys: step, phase, attempt, world, mesh, seed, threads,
// data, teacher (absent in `fgm train`), networks, and version, that of the fgm that wrote it.
nlohmann::ordered_json describe_state(const Manifest& manifest);
std::string state_text(const nlohmann::ordered_json& state);

// The keys and values of INI text in the order of the keys; empty when it is not INI.
std::map<std::string, std::string> config_values(const std::string& ini);

}  // namespace fgm
