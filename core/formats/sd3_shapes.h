#pragma once

#include <optional>

#include "core/config/sections.h"
#include "core/formats/weight_names.h"

// What the names and shapes of a checkpoint's tensors tell about it.
namespace fgm {

// The SD3 transformers among a file's tensors: that with the names of a single file or with none before them; else one
// for each prefix that wrappers put before all names. A few tensors that are missing do not hide one.
std::vector<NamingAndPrefix> find_sd3(const ShapeByName& file);

// The first of them.
std::optional<NamingAndPrefix> recognise_sd3(const ShapeByName& file);

// The sizes of the SD3 transformer whose tensors, and no others, are in `file`. Blocks and kinds of attention are told
// by any of their names, so that a missing tensor does not change them. Without q/k norm the shapes do not tell the
// width of a head: it is then `declared`'s (config.json's), or else follows Stability's rule of as many heads as
// blocks. What is missing or of the wrong number of dimensions leaves the size that it tells as declared; without
// `declared` it is a ConfigError beginning with `place` that names all missing and surplus tensors.
MMDiTConfig infer_mmdit_config(const ShapeByName& file, const NamingAndPrefix& named, const std::string& place,
                               const std::optional<MMDiTConfig>& declared);

// The names and shapes of our MMDiT's parameters and of pos_embed.
ShapeByName mmdit_shapes(const MMDiTConfig& config);

}  // namespace fgm
