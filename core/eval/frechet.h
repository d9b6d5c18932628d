#pragma once

#include <ATen/ATen.h>

#include <string_view>

namespace fgm {

// Name and version of the feature space below; distances are comparable only within one.
inline constexpr std::string_view kFeatureSpace = "random-conv-64/1";

// Fixed features of images, float32 [N, 64] from uint8 [N, H, W, 3] with H, W >= 8, computed on the CPU.
// Pixels are scaled to [-1, 1] and pass three 3 x 3 convolutions without bias, each padded by 1 and followed
// by a ReLU: 3 -> 16 stride 1, 16 -> 32 stride 2, 32 -> 32 stride 2. A feature is the mean or the standard
// deviation of one of the 32 last channels over the image. The weights are counter-based normals of
// variance 2 / fan-in (RandomStream seed 0, stream "eval.features", step = layer), so every machine has the
// same ones. Untrained features rank how far sets of one kind of image are apart; they are not Inception's,
// and no figure here compares with a published FID.
at::Tensor image_features(const at::Tensor& images_NHWC);

// Mean [D] and covariance [D, D] (divided by N - 1) of features [N, D], both float64.
struct Gaussian {
  at::Tensor mean;
  at::Tensor covariance;
};

// ConfigError for fewer than two rows.
Gaussian fit_gaussian(const at::Tensor& features_ND);

// |mean_a - mean_b|^2 + tr(A + B - 2 (A^1/2 B A^1/2)^1/2), the squared 2-Wasserstein distance of two
// Gaussians (Dowson and Landau 1982; Heusel et al., arXiv 1706.08500, eq. 6), in float64 by symmetric
// eigendecomposition.
double frechet_distance(const Gaussian& a, const Gaussian& b);

// The distance of two sets of images of one size. Its estimate is biased upwards, by about a constant over
// the number of images (Chong and Forsyth, arXiv 1911.07023): two independent sets of 100, 300 and 1200
// rendered scenes of 24 pixels lie 0.020, 0.0067 and 0.0015 apart. Compare only figures of equal set sizes.
double frechet_distance(const at::Tensor& images_a_NHWC, const at::Tensor& images_b_NHWC);

}  // namespace fgm
