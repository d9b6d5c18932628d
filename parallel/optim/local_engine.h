#pragma once

#include <memory>

#include "core/config/sections.h"
#include "core/train/parameter_engine.h"
#include "parallel/optim/adamw.h"

namespace fgm {

// The ParameterEngine of a job of one rank: nothing is sharded, nothing is reduced.
// Parameters and gradients each live in one flat buffer, every parameter starting on a 64-byte boundary; the model's
// tensors are views of it, so an update is a few passes over contiguous memory.
class LocalEngine : public ParameterEngine {
 public:
  // Takes over the parameters of `model`, which must outlive the engine and must not be part of a graph yet.
  LocalEngine(VelocityModel& model, const OptimizerConfig& config);

  VelocityModel& model() override { return model_; }
  void set_trainable(bool is_trainable) override;
  UpdateReport update(double lr) override;
  void with_ema(const std::function<void()>& body) override;
  bool has_ema() const override { return ema_.defined(); }
  std::vector<StateSlice> state() override;
  int64_t num_updates() const override { return optimizer_->num_updates(); }
  void set_num_updates(int64_t num_updates) override { optimizer_->set_num_updates(num_updates); }

 private:
  struct Slot {
    std::string name;
    at::Tensor parameter;  // shares the model's tensor
    int64_t offset = 0;    // elements into the flat buffers
  };
  at::Tensor view_of(const at::Tensor& flat, const Slot& slot) const;

  VelocityModel& model_;
  OptimizerConfig config_;
  std::vector<Slot> slots_;
  at::Tensor parameters_, gradients_, ema_;
  std::unique_ptr<AdamW> optimizer_;
};

}  // namespace fgm
