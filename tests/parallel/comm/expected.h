#pragma once

#include <ATen/ATen.h>

#include <algorithm>
#include <vector>

#include "core/base/rng.h"
#include "parallel/comm/communicator.h"

// What every rank can work out alone: each rank's input, and the reduction of all of them.
namespace fgm::support {

inline const std::vector<at::ScalarType> kDtypes = {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16,
                                                    at::kLong,  at::kInt,    at::kByte};

inline at::Tensor input_of(int rank, int64_t numel, at::ScalarType dtype) {
  const auto normal = RandomStream(1, "comm").normal(0, rank, 1, {numel})[0];
  if (dtype == at::kByte) return normal.mul(20).add(30).clamp(0, 60).to(dtype);
  return (at::isFloatingType(dtype) ? normal : normal.mul(1000)).to(dtype);
}

// One element after the other, in the order of the ranks; 16-bit floats in float32 with one rounding at the end.
template <typename T, typename Total = T>
at::Tensor reduced_as(const std::vector<at::Tensor>& inputs, Reduce reduce) {
  auto out = at::empty_like(inputs[0]);
  for (int64_t i = 0; i < out.numel(); ++i) {
    Total total = inputs[0].data_ptr<T>()[i];
    for (size_t rank = 1; rank < inputs.size(); ++rank) {
      const Total value = inputs[rank].data_ptr<T>()[i];
      if (reduce == Reduce::kSum) total = static_cast<Total>(total + value);
      if (reduce == Reduce::kMax) total = std::max(total, value);
      if (reduce == Reduce::kMin) total = std::min(total, value);
    }
    out.data_ptr<T>()[i] = static_cast<T>(total);
  }
  return out;
}

inline at::Tensor reduced(const std::vector<at::Tensor>& inputs, Reduce reduce) {
  switch (inputs[0].scalar_type()) {
    case at::kFloat:
      return reduced_as<float>(inputs, reduce);
    case at::kDouble:
      return reduced_as<double>(inputs, reduce);
    case at::kHalf:
      return reduced_as<at::Half, float>(inputs, reduce);
    case at::kBFloat16:
      return reduced_as<at::BFloat16, float>(inputs, reduce);
    case at::kLong:
      return reduced_as<int64_t>(inputs, reduce);
    case at::kInt:
      return reduced_as<int32_t>(inputs, reduce);
    default:
      return reduced_as<uint8_t>(inputs, reduce);
  }
}

inline std::vector<at::Tensor> inputs_of_all(int num_ranks, int64_t numel, at::ScalarType dtype) {
  std::vector<at::Tensor> inputs;
  for (int rank = 0; rank < num_ranks; ++rank) inputs.push_back(input_of(rank, numel, dtype));
  return inputs;
}

}  // namespace fgm::support
