#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <string>
#include <vector>

#include "core/eval/shapes/request.h"

namespace fgm::shapes {

struct ShapesDataset {
  std::vector<std::string> prompts;
  at::Tensor images_NHWC;  // uint8 [count, resolution, resolution, 3]
};

// Captioned scenes. Record i shows category i % 6 and, within it, request (i / 6) % n of requests(category,
// split), so any prefix is balanced; its scene is a function of (seed, split, i), whatever `count` is.
// ConfigError below 24 pixels (the detector misses shapes that are narrower than 7 pixels) and for a negative count.
ShapesDataset make_shapes(int64_t resolution, int64_t count, uint64_t seed, Split split);

// The captions of make_shapes()'s first records: as many of each category as the largest one has, so that every caption
// is there and a random one is of any category alike.
std::vector<std::string> balanced_captions(Split split);

}  // namespace fgm::shapes
