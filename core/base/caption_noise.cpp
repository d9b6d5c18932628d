#include "core/base/caption_noise.h"

#include <unordered_map>

#include "core/base/hash.h"

namespace fgm {

at::Tensor CaptionNoise::draw(const std::string& caption, int64_t number, at::IntArrayRef sample_shape) const {
  constexpr uint64_t kPositive = ~uint64_t{0} >> 1;
  const auto stream_sample = static_cast<int64_t>(hash64(caption) & kPositive);
  return stream_.normal(number, stream_sample, 1, sample_shape);
}

std::vector<int64_t> count_occurrences(std::span<const std::string> captions) {
  std::unordered_map<std::string_view, int64_t> seen;
  std::vector<int64_t> before;
  for (const auto& caption : captions) before.push_back(seen[caption]++);
  return before;
}

}  // namespace fgm
