#pragma once

#include <ATen/ATen.h>

namespace fgm {

// The straight flow path of SD3 (rectified flow): t = 0 is data, t = 1 is noise.  B batch, ... any further dims.

// x_t = (1 - t) x_0 + t eps;  x_0 and eps [B, ...], t [B].
at::Tensor flow_path(const at::Tensor& x_0, const at::Tensor& eps, const at::Tensor& t_B);

// The conditional velocity c = d x_t / d t = eps - x_0.
at::Tensor conditional_velocity(const at::Tensor& x_0, const at::Tensor& eps);

// t [B] as [B, 1, 1, ...] with the dims of `like`, in its dtype and on its device.
at::Tensor per_sample(const at::Tensor& t_B, const at::Tensor& like);

// The mean over everything but the batch: [B, ...] -> [B].
at::Tensor mean_per_sample(const at::Tensor& x);

}  // namespace fgm
