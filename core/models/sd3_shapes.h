#pragma once

#include <optional>

#include "core/config/sections.h"
#include "core/models/weight_names.h"

// What the names and shapes of a checkpoint's tensors tell about it.
namespace fgm {

// Nothing when these are not an SD3 transformer's tensors. A few that are missing do not hide one.
std::optional<NamingAndPrefix> recognise_sd3(const ShapeByName& file);

// The sizes of the SD3 transformer whose tensors, and no others, are in `file`. Blocks and kinds of attention are told
// by any of their names, so that a missing tensor does not change them. Without q/k norm the shapes do not tell the
// width of a head: it is then `declared`'s (config.json's), or else follows Stability's rule of as many heads as
// blocks. What is missing or of the wrong number of dimensions leaves the size that it tells as declared; without
// `declared` it is a ConfigError beginning with `place` that names all missing and surplus tensors.
ModelConfig infer_mmdit_config(const ShapeByName& file, const NamingAndPrefix& named, const std::string& place,
                               const std::optional<ModelConfig>& declared);

// The names and shapes of our MMDiT's parameters and of pos_embed.
ShapeByName mmdit_shapes(const ModelConfig& config);

}  // namespace fgm
