#pragma once

#include <cstdint>

#include "core/nn/conditioning.h"
#include "core/nn/network.h"

namespace fgm {

// A network that predicts the velocity eps - x_0 of a flow x_t = (1 - t) x_0 + t eps; t = 0 is data, t = 1 is noise.
class VelocityModel : public Network {
 public:
  // x_t [B, C, H, W], t [B] in [0, 1] float32, one conditioning row per sample; returns [B, C, H, W].
  virtual at::Tensor velocity(const at::Tensor& x_t, const at::Tensor& t_B, const Conditioning& condition) = 0;

  // Gives every parameter its value at the start of training, in place: a function of (seed, the parameter's name).
  virtual void initialise(uint64_t seed) = 0;
};

}  // namespace fgm
