#pragma once

#include <ATen/ATen.h>

#include "parallel/comm/communicator.h"

namespace fgm {

// out[n] = rows[0] op rows[1] op ... for `rows` [size, n] of the same dtype on the CPU, always in the order
// of the rows. Half and BFloat16 are combined in float32 and rounded once. NaN wins in kMax and kMin; integers wrap.
void reduce_rows(const at::Tensor& out, const at::Tensor& rows, Reduce reduce);

}  // namespace fgm
