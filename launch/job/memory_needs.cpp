#include "launch/job/memory_needs.h"

#include <fmt/format.h>

#include "launch/text/text_encoder.h"
#include "parallel/optim/fsdp_engine.h"

namespace fgm {
namespace {

constexpr double kBytesOfFloat = 4;

double product(double factor, const std::vector<int64_t>& sizes) {
  for (const int64_t size : sizes) factor *= static_cast<double>(size);
  return factor;
}

// How many rows of a batch over all ranks this host's ranks hold at least.
double rows_on_host(int64_t batch, const RanksOnHost& ranks) {
  return static_cast<double>(batch / ranks.num_ranks) * static_cast<double>(ranks.on_host);
}

// The large matrices of a network's blocks (queries, keys, values, output and the two layers of the MLP): a bound that
// is known without building the network, whose depth may be absurd.
double least_parameters(const MMDiTConfig& model) {
  const auto mlp_ratio = static_cast<double>(model.mlp_ratio);
  return product(4 + 2 * mlp_ratio,
                 {model.depth, model.num_heads, model.head_width, model.num_heads, model.head_width});
}

// The two 3x3 convolutions of every residual block on the way down, as if all had the fewest channels.
double least_parameters(const UNetConfig& model) {
  return product(2 * 9, {std::ssize(model.channel_mult), model.num_res_blocks, model.channels, model.channels});
}

struct BatchNeed {
  std::string key;
  int64_t batch;
  double rows;         // of the batch, on this host
  double num_samples;  // tensors of sample_shape for each row: images, noises, velocities
  int64_t num_ranks;   // that compute in this host's memory
};

std::vector<MemoryNeed> batch_needs(const BatchNeed& need, const std::vector<int64_t>& sample_shape,
                                    const TextConfig& text) {
  return {{need.key, fmt::to_string(need.batch), product(kBytesOfFloat * need.rows * need.num_samples, sample_shape)},
          {"text.num_tokens", fmt::to_string(text.num_tokens),
           product(kBytesOfFloat * need.rows, {text.num_tokens, text.context_width})},
          {"text.model", text.model, text_model_bytes(text) * static_cast<double>(need.num_ranks)}};
}

// The need of networks that together hold `num_held` numbers for each parameter of one.
MemoryNeed network_need(const Config& config, int64_t num_held, const RanksOnHost& ranks) {
  const int64_t shard = config.mesh.shard == 0 ? ranks.num_ranks : config.mesh.shard;
  const double copies = ranks.is_cpu ? static_cast<double>(ranks.on_host) / static_cast<double>(shard) : 0;
  const double bytes = kBytesOfFloat * copies * static_cast<double>(num_held);
  const ModelConfig& model = config.model;
  if (model.kind == ModelKind::kUNet)
    return {"model.channels", fmt::to_string(model.unet.channels), bytes * least_parameters(model.unet)};
  return {"model.depth", fmt::to_string(model.mmdit.depth), bytes * least_parameters(model.mmdit)};
}

}  // namespace

RanksOnHost ranks_on_host(const World& world) {
  return {.num_ranks = world.size(), .on_host = world.num_on_host(), .is_cpu = world.device().is_cpu()};
}

// The samples of a row: image, noise, noised image, velocity.
std::vector<MemoryNeed> train_needs(const Config& config, const std::vector<int64_t>& sample_shape,
                                    const RanksOnHost& ranks) {
  const int64_t batch = config.train.batch;
  auto needs = batch_needs(
      {"train.batch", batch, rows_on_host(batch, ranks), ranks.is_cpu ? 4.0 : 1.0, ranks.is_cpu ? ranks.on_host : 0},
      sample_shape, config.text);
  needs.push_back(network_need(config, FsdpEngine::num_held(config.train.optimizer), ranks));
  return needs;
}

// The samples of a row: two noises, the student's image, the noised image, the teacher's and the estimator's velocity;
// of a regression the noise, the pair's sample, the student's velocity and image.
std::vector<MemoryNeed> distill_needs(const Config& config, const std::vector<int64_t>& sample_shape,
                                      const RanksOnHost& ranks) {
  const MethodConfig& method = config.method;
  const double num_samples = method.is_regression() ? 4 : 6;
  auto needs = batch_needs({"method.batch", method.batch, rows_on_host(method.batch, ranks),
                            ranks.is_cpu ? num_samples : 1.0, ranks.is_cpu ? ranks.on_host : 0},
                           sample_shape, config.text);
  const int64_t of_estimator = method.is_regression() ? 0 : FsdpEngine::num_held(method.estimator);
  needs.push_back(network_need(config, FsdpEngine::num_held(method.student) + of_estimator, ranks));
  return needs;
}

// The samples of a row: its noise, alone and in the batch.
std::vector<MemoryNeed> sample_needs(const SampleConfig& sample, const std::vector<int64_t>& sample_shape,
                                     const TextConfig& text, bool is_cpu, double kept_bytes) {
  auto needs =
      batch_needs({"sample.batch", sample.batch, static_cast<double>(sample.batch), is_cpu ? 2.0 : 1.0, is_cpu ? 1 : 0},
                  sample_shape, text);
  needs.push_back({"sample.per_prompt", fmt::to_string(sample.per_prompt), kept_bytes});
  return needs;
}

}  // namespace fgm
