#include "core/eval/model_samples.h"

#include <set>

#include "core/base/error.h"

namespace fgm {

void require_comparable(std::span<const ModelSamples> models) {
  require<ConfigError>(!models.empty() && !models[0].prompts.empty(), "there are no samples to evaluate");
  std::set<std::string> names;
  for (const auto& model : models) {
    const auto& images = model.images_NHWC;
    require<ConfigError>(names.insert(model.name).second, "two sets of samples are named '{}'", model.name);
    require<ConfigError>(model.prompts == models[0].prompts,
                         "'{}' and '{}' drew different prompts; sample both from one list", models[0].name, model.name);
    require<ConfigError>(
        images.defined() && images.dim() == 4 && images.size(3) == 3 && images.scalar_type() == at::kByte,
        "the samples of '{}' are not uint8 RGB images", model.name);
    require<ConfigError>(images.size(0) == static_cast<int64_t>(model.prompts.size()),
                         "'{}' has {} images for {} prompts", model.name, images.size(0), model.prompts.size());
    require<ConfigError>(images.sizes() == models[0].images_NHWC.sizes(),
                         "'{}' and '{}' drew images of different sizes", models[0].name, model.name);
  }
}

}  // namespace fgm
