#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/rng.h"

namespace fgm {

// The noise that images of captions start from: a function of the seed, the stream's name, the caption and the image's
// number among those of its caption, whatever list the caption stands in. Cheap to copy.
class CaptionNoise {
 public:
  // Of `fgm sample`, and of the pairs that a student learns from: what it is scored on is drawn apart from those.
  static constexpr std::string_view kSample = "sample.noise";
  static constexpr std::string_view kPairs = "pairs.noise";

  CaptionNoise(uint64_t seed, std::string_view stream) : stream_(seed, stream) {}

  // Standard normals, float32 on the CPU, [1, C, H, W] for a sample_shape of {C, H, W}.
  at::Tensor draw(const std::string& caption, int64_t number, at::IntArrayRef sample_shape) const;

 private:
  RandomStream stream_;
};

// Of each caption of a list: how many before it are the same.
std::vector<int64_t> count_occurrences(std::span<const std::string> captions);

}  // namespace fgm
