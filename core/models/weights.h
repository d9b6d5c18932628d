#pragma once

#include "core/io/safetensors.h"
#include "core/nn/velocity_model.h"

namespace fgm {

// Copies every parameter and buffer of `model` from `file` by name, converting to the model's dtype and
// device. ConfigError naming the file and all tensors that are missing, surplus or of another shape; nothing
// is copied then.
void load_parameters(VelocityModel& model, const SafetensorsFile& file);

}  // namespace fgm
