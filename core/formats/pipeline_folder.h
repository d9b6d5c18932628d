#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "core/formats/diffusers_config.h"

// The folder of a diffusers pipeline: model_index.json, and a folder for each component.
namespace fgm {

// ConfigError when the folder says that it is no Stable Diffusion 3. A path that says nothing passes.
void require_sd3_pipeline(const std::filesystem::path& folder);

// The folder of component `name` when `path` is a pipeline, else `path`.
std::filesystem::path component_of(const std::filesystem::path& path, const std::string& name);

// A component's config.json, where there is one. What lies beside a single file may be anything's.
std::optional<DiffusersConfig> component_config(const std::filesystem::path& place);

}  // namespace fgm
