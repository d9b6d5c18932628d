#pragma once

#include <ATen/ATen.h>

namespace fgm {

// The fixed sin-cos position table [1, max_size^2, D], float32 (diffusers' get_2d_sincos_pos_embed). The
// first half of the channels encodes the column, the second half the row; inside each half all sines, then
// all cosines; frequencies 10000^(-i / (D/4)) in float64. Positions are i base_size / max_size, so the table
// spans base_size units whatever its number of entries. D must be a multiple of 4. Released weights bring
// tables that differ from this one: they are loaded, never rebuilt.
at::Tensor sincos_position_table(int64_t width, int64_t max_size, int64_t base_size, at::Device device);

// The centre `rows` x `columns` of a square table, [1, rows columns, D]; top = (max - rows) / 2, left
// likewise, rounded down. ConfigError when the table is smaller than that.
at::Tensor crop_position_table(const at::Tensor& table_1PD, int64_t rows, int64_t columns);

}  // namespace fgm
