#pragma once

#include <filesystem>

#include "core/io/tensor_source.h"

namespace fgm {

// Saved by diffusers: tests/golden/make_pipeline_golden.py.
inline const std::filesystem::path kPipeline = FGM_SOURCE_DIR "/tests/golden/sd3_pipeline";

// The whole of one tensor.
inline at::Tensor read_all(const TensorSource& source, const TensorInfo& info) {
  const auto out = at::empty(info.shape, info.dtype);
  source.read(info.name, 0, out);
  return out;
}

}  // namespace fgm
