#include "core/flow/guidance.h"

namespace fgm {

at::Tensor guided_velocity(VelocityModel& model, const at::Tensor& x_t, const at::Tensor& t_B,
                           const GuidedCondition& condition, double scale) {
  if (scale == 1.0) return model.velocity(x_t, t_B, condition.condition);
  const auto null_rows = expand_rows(condition.null_row, x_t.size(0));
  if (scale == 0.0) return model.velocity(x_t, t_B, null_rows);
  const auto both = cat(condition.condition, null_rows);
  const auto halves = model.velocity(at::cat({x_t, x_t}), at::cat({t_B, t_B}), both).chunk(2);
  return at::lerp(halves[1], halves[0], scale);
}

int64_t num_passes(double scale) {
  return scale == 0.0 || scale == 1.0 ? 1 : 2;
}

Conditioning expand_rows(const Conditioning& one_row, int64_t rows) {
  return {one_row.context_BLJ.expand({rows, -1, -1}), one_row.pooled_BP.expand({rows, -1})};
}

}  // namespace fgm
