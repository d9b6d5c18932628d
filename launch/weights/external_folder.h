#pragma once

#include <filesystem>

namespace fgm {

// For a path to weights that is neither a run, nor a checkpoint, nor a folder that diffusers' names tell: ConfigError
// saying what it looks like, by the class in its config.json, the tensors of its safetensors files, other files of
// weights, or the snapshots of a Hugging Face cache, and what to give instead. Returns when it has none of these, and
// for a checkpoint's folder that is not whole.
void refuse_external_folder(const std::filesystem::path& folder);

}  // namespace fgm
