#pragma once

#include "core/io/tensor_source.h"
#include "core/nn/network.h"

namespace fgm {

// The names and shapes of a network's parameters and buffers.
ShapeByName shapes_of(Network& network);

// Copies every parameter and buffer from `source` by name, converting to the network's dtype and device. ConfigError
// naming place() and all tensors that are missing, surplus or of another shape; nothing is copied then. ConfigError as
// well for a value that is not finite (read_finite).
void load_parameters(Network& network, const TensorSource& source);

}  // namespace fgm
