#include "core/nn/position_table.h"

#include <cmath>

#include "core/base/error.h"

namespace fgm {
namespace {

// [max_size, D/2]: sines, then cosines, of every position along one axis.
at::Tensor axis_table(int64_t half_width, int64_t max_size, int64_t base_size) {
  const double step = static_cast<double>(max_size) / static_cast<double>(base_size);
  const auto positions = (at::arange(max_size, at::kFloat) / step).to(at::kDouble);
  const int64_t num_frequencies = half_width / 2;
  const auto exponents = at::arange(num_frequencies, at::kDouble) / static_cast<double>(num_frequencies);
  const auto angles = at::outer(positions, at::pow(10000.0, -exponents));
  return at::cat({at::sin(angles), at::cos(angles)}, 1).to(at::kFloat);
}

}  // namespace

at::Tensor sincos_position_table(int64_t width, int64_t max_size, int64_t base_size, at::Device device) {
  require<ConfigError>(width % 4 == 0, "model width {} is not a multiple of 4, which its position table needs", width);
  if (device.is_meta()) return at::empty({1, max_size * max_size, width}, at::TensorOptions(device).dtype(at::kFloat));
  const auto axis = axis_table(width / 2, max_size, base_size);
  const auto columns = axis.unsqueeze(0).expand({max_size, max_size, width / 2});
  const auto rows = axis.unsqueeze(1).expand({max_size, max_size, width / 2});
  return at::cat({columns, rows}, 2).view({1, max_size * max_size, width}).to(device);
}

at::Tensor crop_position_table(const at::Tensor& table_1PD, int64_t rows, int64_t columns) {
  const auto max_size = static_cast<int64_t>(std::llround(std::sqrt(static_cast<double>(table_1PD.size(1)))));
  require<ConfigError>(rows <= max_size && columns <= max_size,
                       "an image of {} x {} patches does not fit the model's position table of {} x {}: raise "
                       "model.pos_embed_max_size or use smaller images",
                       rows, columns, max_size, max_size);
  return table_1PD.view({max_size, max_size, -1})
      .narrow(0, (max_size - rows) / 2, rows)
      .narrow(1, (max_size - columns) / 2, columns)
      .reshape({1, rows * columns, -1});
}

}  // namespace fgm
