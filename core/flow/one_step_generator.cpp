#include "core/flow/one_step_generator.h"

namespace fgm {

at::Tensor generate_one_step(VelocityModel& student, const at::Tensor& noise, const Conditioning& condition,
                             double init_time) {
  const auto x = noise * init_time;
  const auto t_B = at::full({noise.size(0)}, init_time, noise.options().dtype(at::kFloat));
  return x - init_time * student.velocity(x, t_B, condition);
}

}  // namespace fgm
