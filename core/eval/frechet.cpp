#include "core/eval/frechet.h"

#include <cmath>

#include "core/base/error.h"
#include "core/base/rng.h"

namespace fgm {
namespace {

constexpr int64_t kBatch = 256;

struct ConvLayer {
  int64_t in_channels;
  int64_t out_channels;
  int64_t stride;
};
constexpr std::array<ConvLayer, 3> kLayers = {{{3, 16, 1}, {16, 32, 2}, {32, 32, 2}}};

std::vector<at::Tensor> layer_weights() {
  const RandomStream stream(/*seed=*/0, "eval.features");
  std::vector<at::Tensor> weights;
  for (size_t i = 0; i < kLayers.size(); ++i) {
    const auto& layer = kLayers[i];
    const double scale = std::sqrt(2.0 / static_cast<double>(layer.in_channels * 9));
    weights.push_back(scale * stream.normal(static_cast<int64_t>(i), 0, layer.out_channels, {layer.in_channels, 3, 3}));
  }
  return weights;
}

at::Tensor batch_features(const at::Tensor& images_NHWC, const std::vector<at::Tensor>& weights) {
  auto x_NCHW = images_NHWC.permute({0, 3, 1, 2}).to(at::kFloat) / 127.5 - 1;
  for (size_t i = 0; i < kLayers.size(); ++i) {
    x_NCHW = at::relu(at::conv2d(x_NCHW, weights[i], {}, kLayers[i].stride, /*padding=*/1));
  }
  const auto pooled_NCP = x_NCHW.flatten(2);
  return at::cat({pooled_NCP.mean(2), pooled_NCP.std(2, /*unbiased=*/false)}, 1);
}

// Rounding may leave a zero eigenvalue slightly negative.
at::Tensor sqrt_eigenvalues(const at::Tensor& eigenvalues) {
  return eigenvalues.clamp_min(0).sqrt();
}

at::Tensor symmetric_sqrt(const at::Tensor& matrix) {
  const auto [eigenvalues, vectors] = at::linalg_eigh(matrix);
  return at::matmul(vectors * sqrt_eigenvalues(eigenvalues), vectors.t());
}

}  // namespace

at::Tensor image_features(const at::Tensor& images_NHWC) {
  check(images_NHWC.dim() == 4 && images_NHWC.size(3) == 3 && images_NHWC.scalar_type() == at::kByte &&
            images_NHWC.size(1) >= 8 && images_NHWC.size(2) >= 8,
        "image_features wants uint8 [N, H, W, 3] with H, W >= 8, got {}", fmt::join(images_NHWC.sizes(), " x "));
  const at::NoGradGuard no_grad;
  const auto weights = layer_weights();
  std::vector<at::Tensor> features;
  for (const auto& batch : images_NHWC.cpu().split(kBatch)) features.push_back(batch_features(batch, weights));
  return at::cat(features);
}

Gaussian fit_gaussian(const at::Tensor& features_ND) {
  require<ConfigError>(features_ND.size(0) >= 2, "a Frechet distance needs at least two images a set, got {}",
                       features_ND.size(0));
  const auto x = features_ND.to(at::kDouble);
  const auto mean = x.mean(0);
  const auto centered = x - mean;
  return {mean, at::matmul(centered.t(), centered) / static_cast<double>(x.size(0) - 1)};
}

double frechet_distance(const Gaussian& a, const Gaussian& b) {
  const auto sqrt_a = symmetric_sqrt(a.covariance);
  const auto product = at::matmul(at::matmul(sqrt_a, b.covariance), sqrt_a);
  const auto cross = sqrt_eigenvalues(at::linalg_eigvalsh((product + product.t()) / 2)).sum();
  const auto spread = a.covariance.trace() + b.covariance.trace() - 2 * cross;
  return ((a.mean - b.mean).square().sum() + spread).item<double>();
}

double frechet_distance(const at::Tensor& images_a_NHWC, const at::Tensor& images_b_NHWC) {
  require<ConfigError>(images_a_NHWC.sizes().slice(1) == images_b_NHWC.sizes().slice(1),
                       "a Frechet distance needs images of one size, got {} and {}",
                       fmt::join(images_a_NHWC.sizes().slice(1), " x "),
                       fmt::join(images_b_NHWC.sizes().slice(1), " x "));
  return frechet_distance(fit_gaussian(image_features(images_a_NHWC)), fit_gaussian(image_features(images_b_NHWC)));
}

}  // namespace fgm
