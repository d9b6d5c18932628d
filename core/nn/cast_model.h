#pragma once

#include "core/nn/velocity_model.h"

namespace fgm {

// A network whose parameters have another dtype than those around it: inputs are converted to `dtype`, t excepted, and
// the velocity back to x_t's. Gradients pass.
class CastModel : public VelocityModel {
 public:
  // `inner` must outlive it.
  CastModel(VelocityModel& inner, at::ScalarType dtype) : inner_(inner), dtype_(dtype) {}

  at::Tensor velocity(const at::Tensor& x_t, const at::Tensor& t_B, const Conditioning& condition) override {
    return inner_.velocity(x_t.to(dtype_), t_B, to(condition, dtype_)).to(x_t.scalar_type());
  }
  const std::vector<Block*>& blocks() override { return inner_.blocks(); }
  void visit_buffers(const TensorVisitor& visitor) override { inner_.visit_buffers(visitor); }
  void initialise(uint64_t seed) override { inner_.initialise(seed); }
  void set_runner(BlockRunner* runner) override { inner_.set_runner(runner); }

 private:
  VelocityModel& inner_;
  at::ScalarType dtype_;
};

}  // namespace fgm
