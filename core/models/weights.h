#pragma once

#include "core/io/tensor_source.h"
#include "core/nn/velocity_model.h"

namespace fgm {

// Copies every parameter and buffer of `model` from `source` by name, converting to the model's dtype and
// device. ConfigError naming its place and all tensors that are missing, surplus or of another shape; nothing
// is copied then. ConfigError as well for a value that is not finite (read_finite).
void load_parameters(VelocityModel& model, const TensorSource& source);

}  // namespace fgm
