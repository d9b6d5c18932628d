#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <span>

#include "core/eval/model_samples.h"

namespace fgm {

// The models side by side, uint8 [H, W, 3]: a column a model under its name and steps, a row for each of the
// first `num_rows` different prompts beside its text, first image of each. Images below 96 pixels are
// enlarged to about that. ConfigError unless the models are comparable (require_comparable).
at::Tensor comparison_sheet(std::span<const ModelSamples> models, int64_t num_rows);

}  // namespace fgm
