#include "launch/job/training_data.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "core/base/error.h"
#include "launch/job/start_checks.h"

namespace fgm {

std::vector<int64_t> network_shape(const Store& store) {
  if (!store.has_latents()) {
    const auto hwc = store.image_shape();
    return {hwc.at(2), hwc[0], hwc[1]};
  }
  const auto& info = store.latent_info();
  const auto most = std::ranges::max_element(info.buckets, {}, &LatentBucket::size);
  return info.latent_shape(static_cast<size_t>(most - info.buckets.begin()));
}

void check_sizes(const ModelConfig& model, const Store& store) {
  const auto place = store.path().string();
  const auto most = network_shape(store);
  require<ConfigError>(most[0] == model.in_channels(), "{}: its {} have {} channels, model.in_channels = {}", place,
                       store.has_latents() ? "latents" : "images", most[0], model.in_channels());
  if (!store.has_latents()) return check_image_size(model, most[1], most[2], place);
  const auto& info = store.latent_info();
  for (size_t i = 0; i < info.buckets.size(); ++i) {
    const auto chw = info.latent_shape(i);
    check_image_size(model, chw[1], chw[2],
                     fmt::format("{}: its latents of images of {} pixels", place, info.buckets[i].name()));
  }
}

void require_same_vae(const Store& store, const Sd3Vae& vae) {
  const auto made = store.provenance().value("vae", nlohmann::json::object()), ours = vae_identity(vae);
  for (const auto& [key, value] : ours.items()) {
    const auto of_store = made.value(key, nlohmann::json());
    require<ConfigError>(
        of_store == value,
        "'{}' holds latents of another autoencoder than {}: its {} is {}, not {}; encode the images with this one",
        store.path().string(), vae.weights->place(), key, of_store.dump(), value.dump());
  }
}

std::optional<Sd3Vae> open_training_vae(const Store& store, Config& config) {
  if (!store.has_latents()) return std::nullopt;
  if (!config.sample.vae.empty()) {
    Sd3Vae vae = open_sd3_vae(config.sample.vae);
    require_same_vae(store, vae);
    return vae;
  }
  require<ConfigError>(config.run.eval_every == 0,
                       "run.eval_every = {}: there is no autoencoder for the latents (sample.vae)",
                       config.run.eval_every);
  if (config.run.sample_every > 0)
    spdlog::warn("no sample grids: there is no autoencoder for the latents (sample.vae)");
  config.run.sample_every = 0;
  return std::nullopt;
}

}  // namespace fgm
