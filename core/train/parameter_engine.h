#pragma once

#include <functional>
#include <vector>

#include "core/nn/velocity_model.h"
#include "core/train/train_state.h"

namespace fgm {

// The outcome of one optimizer step.
struct UpdateReport {
  double grad_norm = 0.0;   // L2 over all parameters, before clipping
  bool is_applied = false;  // false: the norm was not finite, nothing was changed but the gradients are cleared
};

// Owns one network's parameters, gradients, optimizer state and moving averages, whole (one rank) or sharded.
// All ranks of a job make the same calls in the same order.
class ParameterEngine {
 public:
  virtual ~ParameterEngine() = default;

  virtual VelocityModel& model() = 0;

  // While false the parameters take no gradient, and a backward pass does no weight-gradient work for them.
  virtual void set_trainable(bool is_trainable) = 0;

  // Reduces, clips, applies Adam(W) with learning rate `lr`, updates the moving averages, clears the gradients.
  virtual UpdateReport update(double lr) = 0;

  // Runs `body` while the model holds an average of the weights, the one that OptimizerConfig::ema[index] is the decay
  // of; without an average, with the current weights.
  virtual void with_ema(const std::function<void()>& body, size_t index = 0) = 0;
  virtual bool has_ema() const = 0;

  // What a checkpoint holds of this network and rank: slices of weights, averages and optimizer state. The ranks'
  // slices together are every tensor. Writing into them restores it; the model's buffers are not among them.
  virtual std::vector<StateSlice> state() = 0;
  // Optimizer updates applied so far; Adam's bias correction counts them.
  virtual int64_t num_updates() const = 0;
  virtual void set_num_updates(int64_t num_updates) = 0;
};

}  // namespace fgm
