#include "core/eval/frechet.h"

#include <fmt/ranges.h>

#include <tuple>

#include "core/base/error.h"
#include "core/io/npz.h"

namespace fgm {
namespace {

// Rounding may leave a zero eigenvalue slightly negative.
at::Tensor sqrt_eigenvalues(const at::Tensor& eigenvalues) {
  return eigenvalues.clamp_min(0).sqrt();
}

at::Tensor symmetric_sqrt(const at::Tensor& matrix) {
  const auto [eigenvalues, vectors] = at::linalg_eigh(matrix);
  return at::matmul(vectors * sqrt_eigenvalues(eigenvalues), vectors.t());
}

}  // namespace

Gaussian fit_gaussian(const at::Tensor& features_ND) {
  require<ConfigError>(features_ND.size(0) >= 2, "a Frechet distance needs at least two images a set, got {}",
                       features_ND.size(0));
  const auto x = features_ND.to(at::kDouble);
  const auto mean = x.mean(0);
  const auto centered = x - mean;
  return {mean, at::matmul(centered.t(), centered) / static_cast<double>(x.size(0) - 1)};
}

double frechet_distance(const Gaussian& a, const Gaussian& b) {
  require<ConfigError>(a.mean.size(0) == b.mean.size(0),
                       "a Frechet distance needs two sets of the same features, got {} and {} of them", a.mean.size(0),
                       b.mean.size(0));
  const auto sqrt_a = symmetric_sqrt(a.covariance);
  const auto product = at::matmul(at::matmul(sqrt_a, b.covariance), sqrt_a);
  const auto cross = sqrt_eigenvalues(at::linalg_eigvalsh((product + product.t()) / 2)).sum();
  const auto spread = a.covariance.trace() + b.covariance.trace() - 2 * cross;
  return ((a.mean - b.mean).square().sum() + spread).item<double>();
}

Gaussian read_statistics(const std::filesystem::path& path) {
  const auto arrays = read_npz(path);
  const auto mean = arrays.find("mu"), covariance = arrays.find("sigma");
  require<ConfigError>(mean != arrays.end() && covariance != arrays.end(), "{}: it holds no mu and sigma",
                       path.string());
  const auto& [mu, sigma] = std::tie(mean->second, covariance->second);
  require<ConfigError>(mu.dim() == 1 && sigma.dim() == 2 && sigma.size(0) == mu.size(0) && sigma.size(1) == mu.size(0),
                       "{}: mu is of [{}] and sigma of [{}]; expected [D] and [D, D]", path.string(),
                       fmt::join(mu.sizes(), ", "), fmt::join(sigma.sizes(), ", "));
  require<ConfigError>(mu.isfinite().all().item<bool>() && sigma.isfinite().all().item<bool>(),
                       "{}: mu or sigma is not finite", path.string());
  return {mu.to(at::kDouble), sigma.to(at::kDouble)};
}

void write_statistics(const std::filesystem::path& path, const Gaussian& gaussian) {
  write_npz(path, {{"mu", gaussian.mean}, {"sigma", gaussian.covariance}});
}

}  // namespace fgm
