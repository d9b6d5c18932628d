#include "core/flow/flow_path.h"

namespace fgm {

at::Tensor flow_path(const at::Tensor& x_0, const at::Tensor& eps, const at::Tensor& t_B) {
  return at::lerp(x_0, eps, per_sample(t_B, x_0));
}

at::Tensor conditional_velocity(const at::Tensor& x_0, const at::Tensor& eps) {
  return eps - x_0;
}

at::Tensor per_sample(const at::Tensor& t_B, const at::Tensor& like) {
  std::vector<int64_t> sizes(static_cast<size_t>(like.dim()), 1);
  sizes[0] = t_B.size(0);
  return t_B.to(like.options()).view(sizes);
}

at::Tensor mean_per_sample(const at::Tensor& x) {
  return x.flatten(1).mean(1);
}

}  // namespace fgm
