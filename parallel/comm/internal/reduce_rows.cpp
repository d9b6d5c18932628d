#include "parallel/comm/internal/reduce_rows.h"

namespace fgm {
namespace {

void combine(at::Tensor& total, const at::Tensor& row, Reduce reduce) {
  switch (reduce) {
    case Reduce::kSum:
      total.add_(row);
      return;
    case Reduce::kMax:
      at::maximum_out(total, total, row);
      return;
    case Reduce::kMin:
      at::minimum_out(total, total, row);
      return;
  }
}

}  // namespace

void reduce_rows(const at::Tensor& out, const at::Tensor& rows, Reduce reduce) {
  const bool is_16_bit_float = at::isReducedFloatingType(out.scalar_type());
  const auto total_dtype = is_16_bit_float ? at::kFloat : out.scalar_type();
  at::Tensor total = is_16_bit_float ? rows[0].to(total_dtype) : out;
  if (!is_16_bit_float) total.copy_(rows[0]);
  for (int64_t rank = 1; rank < rows.size(0); ++rank) combine(total, rows[rank].to(total_dtype), reduce);
  if (is_16_bit_float) out.copy_(total);
}

}  // namespace fgm
