#pragma once

#include "core/io/composed_source.h"

namespace fgm {

// What kind of model these are the tensors of, for an error: "a LoRA (an adapter, not a model)", "a T5 text encoder",
// "an SD3 transformer", ... An unknown one is described by its first names.
std::string model_family(const ShapeByName& file);

}  // namespace fgm
