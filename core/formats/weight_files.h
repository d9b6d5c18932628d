#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "core/io/tensor_source.h"

namespace fgm {

// The weights in one folder of a diffusers pipeline, as one source. As in diffusers' from_pretrained an index of shards
// comes before a whole file, which save_pretrained leaves there; a warning says so. A variant (".fp16") is read when
// there is nothing without one. An index by another name (accelerate's model.safetensors.index.json) will do where
// there are no diffusion_pytorch_model files. IoError when there is none, when several variants or indexes leave the
// choice open, when a listed file is missing or names a place outside the folder, and when the index and the files
// disagree on what is where (all tensors named).
std::shared_ptr<const TensorSource> open_diffusers_weights(const std::filesystem::path& folder);

// A safetensors file, or the shards of an index. ConfigError for one shard of several, naming the folder.
std::shared_ptr<const TensorSource> open_weight_file(const std::filesystem::path& path);

// The names of the tensors that a folder's index of shards lists; none without an index. IoError for a bad one.
std::vector<std::string> indexed_tensors(const std::filesystem::path& folder);

// Whether a path is that of an index of shards, by its name ("*.safetensors.index.json").
bool is_weight_index(const std::filesystem::path& path);

// 3 for "model-00002-of-00003.safetensors"; nothing for other names.
std::optional<int> num_shards_of(const std::string& name);

}  // namespace fgm
