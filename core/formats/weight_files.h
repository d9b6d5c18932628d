#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>

#include "core/io/tensor_source.h"

namespace fgm {

// Whose save_pretrained wrote a folder: diffusers' files are called diffusion_pytorch_model, transformers' model.
enum class SavedBy { kDiffusers, kTransformers };

// The weights in one folder of a diffusers pipeline, as one source. Where there is an index of shards and a whole file,
// which save_pretrained leaves there, the from_pretrained of `saved_by` decides: diffusers reads the shards,
// transformers the whole file; a warning says so. A variant (".fp16") is read when there is nothing without one. An
// index by another name (accelerate's model.safetensors.index.json) will do where there are no files by theirs. IoError
// when there is none, when several variants or indexes leave the choice open, when a listed file is missing or names a
// place outside the folder, and when the index and the files disagree on what is where (all tensors named).
std::shared_ptr<const TensorSource> open_saved_weights(const std::filesystem::path& folder, SavedBy saved_by);

// A safetensors file, or the shards of an index. ConfigError for one shard of several, naming the folder.
std::shared_ptr<const TensorSource> open_weight_file(const std::filesystem::path& path);

// ConfigError naming `place`, the first of `tensors` that is none of `accepted` and how many others there are.
// Quantised weights would pass for others by their shapes, and their scales lie in tensors that nobody reads here.
void require_dtypes(const std::vector<TensorInfo>& tensors, std::span<const at::ScalarType> accepted,
                    const std::string& place);

// The names of the tensors that a folder's index of shards lists; none without an index. IoError for a bad one.
std::vector<std::string> indexed_tensors(const std::filesystem::path& folder);

// Whether a path is that of an index of shards, by its name ("*.safetensors.index.json").
bool is_weight_index(const std::filesystem::path& path);

// 3 for "model-00002-of-00003.safetensors"; nothing for other names.
std::optional<int> num_shards_of(const std::string& name);

}  // namespace fgm
