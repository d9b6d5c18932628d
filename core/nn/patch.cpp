#include "core/nn/patch.h"

#include "core/nn/linear_function.h"

namespace fgm {

PatchEmbed::PatchEmbed(int64_t in_channels, int64_t patch_size, int64_t width, const at::TensorOptions& options)
    : weight(at::empty({width, in_channels, patch_size, patch_size}, options)), bias(at::empty({width}, options)) {}

at::Tensor PatchEmbed::operator()(const at::Tensor& x_BCHW) const {
  const int64_t p = weight.size(2), h = x_BCHW.size(2) / p, w = x_BCHW.size(3) / p;
  const auto patches = x_BCHW.reshape({x_BCHW.size(0), x_BCHW.size(1), h, p, w, p})
                           .permute({0, 2, 4, 1, 3, 5})
                           .reshape({x_BCHW.size(0), h * w, -1});
  return linear(patches, weight.flatten(1), bias);
}

void PatchEmbed::visit(const std::string& prefix, const TensorVisitor& visitor) {
  visitor(prefix + ".weight", weight);
  visitor(prefix + ".bias", bias);
}

void PatchEmbed::initialise(const std::string& prefix, const Initialiser& init) {
  init.xavier_uniform(prefix + ".weight", weight);
  bias.zero_();
}

at::Tensor unpatchify(const at::Tensor& tokens_BLV, int64_t rows, int64_t columns, int64_t patch_size) {
  const int64_t p = patch_size, batch = tokens_BLV.size(0);
  return tokens_BLV.reshape({batch, rows, columns, p, p, -1})
      .permute({0, 5, 1, 3, 2, 4})
      .reshape({batch, -1, rows * p, columns * p});
}

}  // namespace fgm
