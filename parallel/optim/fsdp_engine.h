#pragma once

#include <type_traits>

#include "core/config/sections.h"
#include "core/train/parameter_engine.h"
#include "parallel/fsdp/sharded_model.h"
#include "parallel/mesh/device_mesh.h"
#include "parallel/optim/adamw.h"

namespace fgm {

// The ParameterEngine of any mesh: weights, gradients, averages and Adam's moments cut over the shard axis, each in one
// flat buffer a rank; every copy along the replicate axis holds the same. Runs unsharded on a mesh of 1 x 1.
//
// Note [Shards first, then copies]: a backward pass sums gradients over the shard axis, unit by unit; update() sums the
// whole shard over the replicate axis, once. Between hosts that is one large message an update instead of one a unit.
// Losses are sums divided by the global batch, so both are plain sums.
class FsdpEngine : public ParameterEngine {
 public:
  // Takes over the parameters of `model` (see ShardedModel); the averages start at their values. For a model on the
  // meta device write the slices of weights and averages of state(). `model` and `mesh` must outlive the engine.
  FsdpEngine(VelocityModel& model, const OptimizerConfig& config, const DeviceMesh& mesh,
             const FsdpOptions& options = {});
  FsdpEngine(const FsdpEngine&) = delete;
  FsdpEngine& operator=(const FsdpEngine&) = delete;

  static int64_t num_averages(const OptimizerConfig& config);
  // How many numbers of each parameter state() saves: its value, the averages' and Adam's moments.
  static int64_t num_saved(const OptimizerConfig& config);
  // How many numbers of each parameter an engine holds: those and the gradient.
  static int64_t num_held(const OptimizerConfig& config) { return num_saved(config) + 1; }
  // Bytes that a rank's engine of `model`, cut into `num_shards`, holds beside the pool's. Looks at the sizes and
  // dtypes of the model's parameters only.
  static int64_t bytes_of(VelocityModel& model, const OptimizerConfig& config, int num_shards) {
    return num_held(config) * ShardedModel::bytes_of(model, num_shards).values;
  }

  VelocityModel& model() override { return model_; }
  void set_trainable(bool is_trainable) override { sharded_.set_trainable(is_trainable); }
  UpdateReport update(double lr) override;
  void with_ema(const std::function<void()>& body, size_t index = 0) override;
  bool has_ema() const override { return !averages_.empty(); }
  std::vector<StateSlice> state() override;
  int64_t num_updates() const override { return optimizer_.num_updates(); }
  void set_num_updates(int64_t num_updates) override { optimizer_.set_num_updates(num_updates); }

 private:
  struct Average {
    std::string part;  // of state()
    double decay;
    at::Tensor values;
  };

  VelocityModel& model_;
  OptimizerConfig config_;
  const DeviceMesh& mesh_;
  PhaseListener* phases_;
  ShardedModel sharded_;
  at::Tensor parameters_, gradients_;
  std::vector<Average> averages_;
  AdamW optimizer_;
};
static_assert(!std::is_copy_constructible_v<FsdpEngine>);

}  // namespace fgm
