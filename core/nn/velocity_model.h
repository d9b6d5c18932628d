#pragma once

#include <cstdint>
#include <vector>

#include "core/nn/block.h"
#include "core/nn/conditioning.h"

namespace fgm {

// A network that predicts the velocity eps - x_0 of a flow x_t = (1 - t) x_0 + t eps; t = 0 is data, t = 1 is noise.
// A network keeps pointers to its own blocks, so it is neither copied nor moved.
class VelocityModel {
 public:
  VelocityModel() = default;
  VelocityModel(const VelocityModel&) = delete;
  VelocityModel& operator=(const VelocityModel&) = delete;
  virtual ~VelocityModel() = default;

  // x_t [B, C, H, W], t [B] in [0, 1] float32, one conditioning row per sample; returns [B, C, H, W].
  virtual at::Tensor velocity(const at::Tensor& x_t, const at::Tensor& t_B, const Conditioning& condition) = 0;

  // Every parameter belongs to exactly one block; the order is that of the forward pass.
  virtual const std::vector<Block*>& blocks() = 0;

  // Constant tensors (position tables): saved and exported verbatim, never trained, averaged or sharded.
  virtual void visit_buffers(const TensorVisitor& visitor) = 0;

  // Gives every parameter its value at the start of training, in place: a function of (seed, the parameter's name).
  virtual void initialise(uint64_t seed) = 0;

  // `runner` must outlive the model; nullptr (the state after construction) runs the blocks directly.
  virtual void set_runner(BlockRunner* runner) = 0;
};

// All parameters, block by block.
inline void visit_parameters(VelocityModel& model, const TensorVisitor& visitor) {
  for (Block* block : model.blocks()) block->visit(visitor);
}

}  // namespace fgm
