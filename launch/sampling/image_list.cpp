#include "launch/sampling/image_list.h"

#include <string_view>
#include <unordered_map>

#include "core/base/hash.h"

namespace fgm {
namespace {

std::vector<int64_t> count_occurrences(std::span<const std::string> captions) {
  std::unordered_map<std::string_view, int64_t> seen;
  std::vector<int64_t> before;
  for (const auto& caption : captions) before.push_back(seen[caption]++);
  return before;
}

}  // namespace

ImageList::ImageList(std::span<const std::string> captions, int64_t per_prompt, uint64_t seed)
    : captions_(captions),
      occurrence_(count_occurrences(captions)),
      per_prompt_(per_prompt),
      noise_(seed, "sample.noise") {}

int64_t ImageList::number(int64_t image) const {
  return occurrence_[static_cast<size_t>(prompt(image))] * per_prompt_ + number_in_prompt(image);
}

at::Tensor ImageList::noise(int64_t image, at::IntArrayRef sample_shape) const {
  constexpr uint64_t kPositive = ~uint64_t{0} >> 1;
  const auto stream_sample = static_cast<int64_t>(hash64(caption(image)) & kPositive);
  return noise_.normal(number(image), stream_sample, 1, sample_shape);
}

}  // namespace fgm
