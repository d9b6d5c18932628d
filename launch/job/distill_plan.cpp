#include "launch/job/distill_plan.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/models/model_factory.h"
#include "data/store/store.h"
#include "launch/weights/decoder.h"

namespace fgm {
namespace {

// What decodes the sample grids and what is scored; SD3's autoencoder where there is no teacher to bring another.
int64_t decoder_bytes(const DistillStart& start) {
  const Config& config = start.config;
  const bool needs_none = start.teacher ? !start.decoder : !makes_latents(config.model);
  if (!config.run.makes_images() || needs_none) return 0;
  VaeDecoder decoder(start.decoder ? start.decoder->config : VaeConfig(), at::TensorOptions(at::kMeta));
  int64_t bytes = 0;
  decoder.visit([&](const std::string&, const at::Tensor& tensor) { bytes += static_cast<int64_t>(tensor.nbytes()); });
  return bytes;
}

// Weights and averages are saved with the position tables, Adam's moments without.
int64_t checkpoint_bytes(const MethodConfig& method, int64_t num_parameters, int64_t buffer_bytes) {
  int64_t bytes = 0;
  for (const auto* optimizer : {&method.student, &method.estimator}) {
    if (optimizer == &method.estimator && method.is_regression()) continue;
    const int64_t num_weights_files = 1 + FsdpEngine::num_averages(*optimizer);
    bytes += num_parameters * FsdpEngine::num_saved(*optimizer) * static_cast<int64_t>(sizeof(float)) +
             num_weights_files * buffer_bytes;
  }
  return bytes;
}

// 77 rows of CLIP-L and CLIP-G side by side, as wide as their pooled vectors; the rest of the rows T5's; the pooled
// vectors. What is zero (CLIP's rows beyond its width) is not kept.
std::optional<int64_t> bytes_per_caption(const TextConfig& text) {
  constexpr int64_t kClipRows = 77, kBytes = 2, kT5Width = 4096;
  if (text.context_width != kT5Width || text.num_tokens < kClipRows) return std::nullopt;
  return kBytes * ((kClipRows + 1) * text.pooled_width + (text.num_tokens - kClipRows) * text.context_width);
}

}  // namespace

int64_t DistillPlan::state_bytes() const {
  return networks.teacher + networks.student + networks.estimator + networks.buffers + networks.gathered_unit +
         decoder_bytes;
}

DistillPlan plan_distillation(const DistillStart& start, int64_t num_ranks) {
  const Config& config = start.config;
  const int64_t shard = config.mesh.shard == 0 ? num_ranks : config.mesh.shard;
  require<ConfigError>(shard >= num_ranks || num_ranks % shard == 0,
                       "mesh.shard = {} does not divide the {} ranks of this job", shard, num_ranks);
  DistillPlan plan;
  plan.num_parameters = num_parameters(*make_unread_model(config.model));
  plan.replicate = std::max<int64_t>(1, num_ranks / shard);
  plan.shard = shard;
  plan.is_cpu = config.run.device == DeviceChoice::kCpu;
  plan.networks = DistillNetworks::bytes_of(config, static_cast<int>(shard));
  plan.decoder_bytes = decoder_bytes(start);
  plan.checkpoint_bytes = checkpoint_bytes(config.method, plan.num_parameters, plan.networks.buffers);
  plan.bytes_per_caption = bytes_per_caption(config.text);
  if (start.captions) plan.num_captions = start.captions->texts->size();
  plan.teacher = {"teacher.weights", config.teacher.weights, start.teacher.has_value()};
  const std::string& list = config.method.captions;
  plan.store = {config.method.captions_key(), list.empty() ? config.data.store : list, start.captions.has_value()};
  plan.missing = start.missing;
  return plan;
}

}  // namespace fgm
