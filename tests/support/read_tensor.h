#pragma once

#include "core/io/tensor_source.h"

namespace fgm {

// The whole of tensor `name` in its own dtype, on the CPU. IoError as TensorSource::read() has it.
inline at::Tensor read_tensor(const TensorSource& source, const std::string& name) {
  const TensorInfo& info = find_tensor(source, name);
  const auto tensor = at::empty(info.shape, info.dtype);
  source.read(name, 0, tensor);
  return tensor;
}

}  // namespace fgm
