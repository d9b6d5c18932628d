#include "core/nn/modulation.h"

namespace fgm {

std::vector<at::Tensor> modulation_chunks(const at::Tensor& modulation_BM, int64_t num_chunks) {
  return modulation_BM.unsqueeze(1).chunk(num_chunks, /*dim=*/2);
}

at::Tensor layer_norm(const at::Tensor& x_BLD) {
  return at::layer_norm(x_BLD, {x_BLD.size(-1)}, {}, {}, 1e-6);
}

at::Tensor modulate(const at::Tensor& norm_BLD, const at::Tensor& shift_B1D, const at::Tensor& scale_B1D) {
  return at::addcmul(shift_B1D, norm_BLD, scale_B1D + 1.0);
}

at::Tensor gated_residual(const at::Tensor& x_BLD, const at::Tensor& gate_B1D, const at::Tensor& update_BLD) {
  return at::addcmul(x_BLD, gate_B1D, update_BLD);
}

}  // namespace fgm
