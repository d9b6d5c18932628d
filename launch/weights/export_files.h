#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "core/formats/weight_names.h"
#include "launch/weights/weights.h"

namespace fgm {

struct ExportOptions {
  Naming naming = Naming::kDiffusers;
  std::optional<at::ScalarType> dtype;       // of the parameters; nothing: that in which they are stored
  uint64_t max_shard_bytes = 5'000'000'000;  // of tensors in one file of a diffusers folder
};

// Refuses what export_weights() refuses, but for the values of weights. ConfigError as there.
void check_export(const OpenWeights& weights, const std::filesystem::path& out, const ExportOptions& options);

// Writes an SD3 transformer, or a U-Net, as others read it, one tensor in memory at a time; returns the files.
//   kDiffusers  the folder `out`, new or empty: config.json beside diffusion_pytorch_model.safetensors, or beside
//               shards and their index; SD3Transformer2DModel.from_pretrained(out) opens it
//   kStability  the file `out`, with the names of Stability's single files; a U-Net of CIFAR-10 with its authors' names
// Position tables keep their dtype. ConfigError when `out` is in the way, when the network is none that the format can
// describe, or when a value is not finite in the dtype asked for. An export that fails leaves nothing behind.
std::vector<std::filesystem::path> export_weights(const OpenWeights& weights, const std::filesystem::path& out,
                                                  const ExportOptions& options);

}  // namespace fgm
