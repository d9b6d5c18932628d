#include "core/eval/kernel_distance.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/eval/resampling.h"

namespace fgm {
namespace {

constexpr int64_t kFewestBlocks = 10;
constexpr int64_t kLargestBlock = 1000;

at::Tensor kernel(const at::Tensor& a_ND, const at::Tensor& b_MD) {
  return (at::matmul(a_ND, b_MD.t()) / static_cast<double>(a_ND.size(1)) + 1).pow(3);
}

// The sum over all pairs, a part of them at once: a few images may be measured against 50,000 in one block.
at::Tensor kernel_sum(const at::Tensor& a_ND, const at::Tensor& b_MD) {
  auto sum = at::zeros({}, at::kDouble);
  for (const auto& rows : a_ND.split(kLargestBlock)) sum += kernel(rows, b_MD).sum();
  return sum;
}

// The mean over all pairs of different rows.
at::Tensor mean_within(const at::Tensor& x_ND) {
  const auto of_itself = (x_ND.square().sum(1) / static_cast<double>(x_ND.size(1)) + 1).pow(3).sum();
  return (kernel_sum(x_ND, x_ND) - of_itself) / static_cast<double>(x_ND.size(0) * (x_ND.size(0) - 1));
}

at::Tensor unbiased_mmd2(const at::Tensor& a_ND, const at::Tensor& b_MD) {
  const auto num_pairs = static_cast<double>(a_ND.size(0) * b_MD.size(0));
  return mean_within(a_ND) + mean_within(b_MD) - 2 * kernel_sum(a_ND, b_MD) / num_pairs;
}

int64_t choose_num_blocks(int64_t smaller, int64_t larger) {
  return std::min(smaller / 2, std::max(kFewestBlocks, larger / kLargestBlock));
}

std::vector<at::Tensor> blocks_of(const at::Tensor& features_ND, int64_t num_blocks, std::string_view name) {
  return features_ND.index_select(0, shuffled(features_ND.size(0), name)).to(at::kDouble).tensor_split(num_blocks);
}

}  // namespace

KernelDistance kernel_distance(const at::Tensor& a_ND, const at::Tensor& b_MD) {
  const auto [smaller, larger] = std::minmax({a_ND.size(0), b_MD.size(0)});
  require<ConfigError>(smaller >= 2, "a kernel distance needs at least two images a set, got {}", smaller);
  const int64_t num_blocks = choose_num_blocks(smaller, larger);
  const auto a = blocks_of(a_ND, num_blocks, "eval.kid.a"), b = blocks_of(b_MD, num_blocks, "eval.kid.b");
  std::vector<at::Tensor> values;
  for (int64_t i = 0; i < num_blocks; ++i) values.push_back(unbiased_mmd2(a[i], b[i]));
  const auto all = at::stack(values);
  KernelDistance out{all.mean().item<double>()};
  if (num_blocks > 1) out.error = all.std().item<double>() / std::sqrt(static_cast<double>(num_blocks));
  return out;
}

}  // namespace fgm
