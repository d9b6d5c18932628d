#include "launch/weights/decoder.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/formats/vae_names.h"
#include "core/io/pixels.h"
#include "core/io/safetensors.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;

bool brings_vae(const fs::path& path) {
  if (fs::is_directory(path)) return fs::is_directory(path / "vae");
  const SafetensorsFile file(path);
  return std::ranges::any_of(file.tensors(), [](const auto& info) { return info.name.starts_with(kVaePrefix); });
}

}  // namespace

bool makes_latents(const ModelConfig& model) {
  return model.in_channels() != kPixelChannels;
}

std::optional<Sd3Vae> find_decoder(const std::string& vae, const fs::path& path, const OpenWeights& weights) {
  const ModelConfig& model = weights.info.config.model;
  if (vae.empty() && (!makes_latents(model) || !weights.is_external || !brings_vae(path))) return std::nullopt;
  Sd3Vae found = open_sd3_vae(vae.empty() ? path : fs::path(vae));
  require<ConfigError>(found.config.latent_channels == model.in_channels(),
                       "{}: its latents have {} channels and those of {} have {}", found.weights->place(),
                       found.config.latent_channels, weights.source->place(), model.in_channels());
  return found;
}

nlohmann::json vae_identity(const Sd3Vae& vae) {
  return {{"xxh128", digest_of(*vae.weights)},
          {"shift_factor", vae.config.shift_factor},
          {"scaling_factor", vae.config.scaling_factor}};
}

std::unique_ptr<VaeDecoder> load_decoder(const std::optional<Sd3Vae>& found, at::Device device) {
  if (!found) return nullptr;
  auto decoder = std::make_unique<VaeDecoder>(found->config, at::TensorOptions().dtype(at::kFloat).device(device));
  load_parameters(*decoder, *found->weights);
  return decoder;
}

}  // namespace fgm
