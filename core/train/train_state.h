#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <string>
#include <vector>

namespace fgm {

// The parts of a network's state beside its weights, whose part is "". The first moving average is kAveragePart,
// whatever its decay; each further one has its decay added: "ema_0.999".
inline constexpr const char* kAveragePart = "ema";
inline constexpr const char* kOptimizerPart = "optim";

// What a rank holds of one tensor of the training state: consecutive elements in row-major order.
struct StateSlice {
  std::string part;            // "" weights, kAveragePart... their averages, kOptimizerPart the optimizer's moments
  std::string name;            // unique in its part: "final_layer.linear.weight", in "optim" with ".exp_avg[_sq]" added
  std::vector<int64_t> shape;  // of the whole tensor
  int64_t begin = 0;           // elements [begin, begin + values.numel()) of the whole
  at::Tensor values;           // 1-D view of the owner's memory: saving reads it, restoring writes it
};

}  // namespace fgm
