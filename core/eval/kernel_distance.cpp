#include "core/eval/kernel_distance.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

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

ImagesByCaption one_image_each(int64_t num_images) {
  ImagesByCaption captions;
  for (int64_t i = 0; i < num_images; ++i) captions.push_back({i});
  return captions;
}

// The images of as many captions in each block.
std::vector<at::Tensor> blocks_of(const at::Tensor& features_ND, const ImagesByCaption& captions, int64_t num_blocks,
                                  std::string_view name) {
  std::vector<at::Tensor> blocks;
  for (const auto& part : shuffled(std::ssize(captions), name).tensor_split(num_blocks)) {
    std::vector<int64_t> rows;
    for (const int64_t caption : std::span(part.const_data_ptr<int64_t>(), static_cast<size_t>(part.numel()))) {
      rows.insert(rows.end(), captions[caption].begin(), captions[caption].end());
    }
    blocks.push_back(features_ND.index_select(0, at::tensor(rows)).to(at::kDouble));
  }
  return blocks;
}

// The distance of each pair of blocks.
at::Tensor block_distances(const at::Tensor& a_ND, const ImagesByCaption& captions, const at::Tensor& b_MD) {
  const int64_t smaller = std::min(std::ssize(captions), b_MD.size(0)), larger = std::max(a_ND.size(0), b_MD.size(0));
  const int64_t num_blocks = std::max<int64_t>(1, choose_num_blocks(smaller, larger));
  const auto a = blocks_of(a_ND, captions, num_blocks, "eval.kid.a");
  const auto b = blocks_of(b_MD, one_image_each(b_MD.size(0)), num_blocks, "eval.kid.b");
  std::vector<at::Tensor> values;
  for (int64_t i = 0; i < num_blocks; ++i) values.push_back(unbiased_mmd2(a[i], b[i]));
  return at::stack(values);
}

}  // namespace

KernelDistance kernel_distance(const at::Tensor& a_ND, const at::Tensor& b_MD, const ImagesByCaption& captions) {
  const int64_t num_images = a_ND.size(0), fewest = std::min(num_images, b_MD.size(0));
  require<ConfigError>(fewest >= 2, "a kernel distance needs at least two images a set, got {}", fewest);
  const auto of_images = block_distances(a_ND, one_image_each(num_images), b_MD);
  KernelDistance out{of_images.mean().item<double>()};
  const bool has_repeats = !captions.empty() && std::ssize(captions) < num_images;
  const auto independent = has_repeats ? block_distances(a_ND, captions, b_MD) : of_images;
  const int64_t num_blocks = independent.numel();
  if (num_blocks > 1) out.error = independent.std().item<double>() / std::sqrt(static_cast<double>(num_blocks));
  return out;
}

}  // namespace fgm
