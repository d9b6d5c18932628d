#include "launch/job/memory_needs.h"

namespace fgm {
namespace {

constexpr double kBytesOfFloat = 4;

double product(double factor, const std::vector<int64_t>& sizes) {
  for (const int64_t size : sizes) factor *= static_cast<double>(size);
  return factor;
}

// Of the rows of one batch over all ranks, those that this host's ranks hold at least.
double rows_on_host(int64_t batch, const NeedyRanks& ranks) {
  return static_cast<double>(batch / ranks.num_ranks) * static_cast<double>(ranks.on_host);
}

// The large matrices of a network's blocks: queries, keys, values, output and the two layers of the MLP.
double least_parameters(const ModelConfig& model) {
  const auto mlp_ratio = static_cast<double>(model.mlp_ratio);
  return product(4 + 2 * mlp_ratio,
                 {model.depth, model.num_heads, model.head_width, model.num_heads, model.head_width});
}

// Numbers that are kept of each parameter: weight, gradient, second moment; first moment, average.
double num_kept(const OptimizerConfig& optimizer) {
  return 3 + (optimizer.beta1 > 0.0 ? 1 : 0) + (optimizer.ema > 0.0 ? 1 : 0);
}

struct BatchNeed {
  std::string key;
  int64_t batch;
  double rows;         // of it, on this host
  double num_samples;  // for each row: images, noises, velocities
};

std::vector<MemoryNeed> batch_needs(const BatchNeed& need, const std::vector<int64_t>& sample_shape,
                                    const TextConfig& text) {
  return {
      {need.key, need.batch, product(kBytesOfFloat * need.rows * need.num_samples, sample_shape)},
      {"text.num_tokens", text.num_tokens, product(kBytesOfFloat * need.rows, {text.num_tokens, text.context_width})}};
}

// `num_kept`: numbers that are kept of each parameter of a network's shape.
MemoryNeed network_need(const Config& config, double num_kept, const NeedyRanks& ranks) {
  const int64_t shard = config.mesh.shard == 0 ? ranks.num_ranks : config.mesh.shard;
  const double copies = ranks.is_cpu ? static_cast<double>(ranks.on_host) / static_cast<double>(shard) : 0;
  return {"model.depth", config.model.depth, kBytesOfFloat * copies * num_kept * least_parameters(config.model)};
}

}  // namespace

NeedyRanks needy_ranks(const World& world) {
  return {.num_ranks = world.size(), .on_host = world.num_on_host(), .is_cpu = world.device().is_cpu()};
}

// Images, noise, noised images, velocities.
std::vector<MemoryNeed> train_needs(const Config& config, const std::vector<int64_t>& sample_shape,
                                    const NeedyRanks& ranks) {
  const int64_t batch = config.train.batch;
  auto needs = batch_needs({"train.batch", batch, rows_on_host(batch, ranks), ranks.is_cpu ? 4.0 : 1.0}, sample_shape,
                           config.text);
  needs.push_back(network_need(config, num_kept(config.train.optimizer), ranks));
  return needs;
}

// Two noises, the student's images, noised images, the teacher's and the estimator's velocities.
std::vector<MemoryNeed> distill_needs(const Config& config, const std::vector<int64_t>& sample_shape,
                                      const NeedyRanks& ranks) {
  const MethodConfig& method = config.method;
  auto needs = batch_needs({"method.batch", method.batch, rows_on_host(method.batch, ranks), ranks.is_cpu ? 6.0 : 1.0},
                           sample_shape, config.text);
  needs.push_back(network_need(config, num_kept(method.student) + num_kept(method.estimator), ranks));
  return needs;
}

// Noises, one by one and side by side.
std::vector<MemoryNeed> sample_needs(const SampleConfig& sample, const std::vector<int64_t>& sample_shape,
                                     const TextConfig& text, bool is_cpu, double kept_bytes) {
  auto needs = batch_needs({"sample.batch", sample.batch, static_cast<double>(sample.batch), is_cpu ? 2.0 : 1.0},
                           sample_shape, text);
  needs.push_back({"sample.per_prompt", sample.per_prompt, kept_bytes});
  return needs;
}

}  // namespace fgm
