#include "core/formats/pipeline_folder.h"

#include "core/base/error.h"

namespace fgm {

namespace fs = std::filesystem;

void require_sd3_pipeline(const fs::path& folder) {
  const auto index = folder / "model_index.json";
  if (!fs::exists(index)) return;
  // The text-to-image, image-to-image and inpainting pipelines hold the same networks.
  const auto name = read_diffusers_config(index).class_name();
  require<ConfigError>(name.starts_with("StableDiffusion3"), "{} is a {}; a StableDiffusion3Pipeline is needed",
                       folder.string(), name.empty() ? "folder whose model_index.json names no pipeline" : name);
}

fs::path component_of(const fs::path& path, const std::string& name) {
  return fs::is_directory(path / name) ? path / name : path;
}

std::optional<DiffusersConfig> component_config(const fs::path& place) {
  const auto file = place / "config.json";
  return fs::exists(file) ? std::optional(read_diffusers_config(file)) : std::nullopt;
}

}  // namespace fgm
