#pragma once

#include <filesystem>
#include <memory>

#include "core/io/tensor_source.h"

namespace fgm {

// The weights in one folder of a diffusers pipeline, as one source: diffusion_pytorch_model.safetensors, or the files
// that diffusion_pytorch_model.safetensors.index.json lists, or the only variant of either (".fp16"). IoError when
// there is none, when several variants leave the choice open, when a listed file is missing or names a place outside
// the folder, and when the index and the files disagree on what is where (all tensors named).
std::shared_ptr<const TensorSource> open_diffusers_weights(const std::filesystem::path& folder);

}  // namespace fgm
