#pragma once

#include <optional>

#include "core/config/sections.h"
#include "core/models/weight_names.h"

// What the names and shapes of a checkpoint's tensors tell about it.
namespace fgm {

// Nothing when these are not an SD3 transformer's tensors.
std::optional<NamingAndPrefix> recognise_sd3(const ShapeByName& file);

// The sizes of the SD3 transformer in `file`. Without q/k norm the shapes do not tell the width of a head: it is then
// `declared_head_width`, or else follows Stability's rule of as many heads as blocks. ConfigError beginning with
// `place` when a tensor that the sizes are taken from is missing or has the wrong number of dimensions.
ModelConfig infer_mmdit_config(const ShapeByName& file, const NamingAndPrefix& named, const std::string& place,
                               std::optional<int64_t> declared_head_width);

// The names and shapes of our MMDiT's parameters and of pos_embed.
ShapeByName mmdit_shapes(const ModelConfig& config);

}  // namespace fgm
