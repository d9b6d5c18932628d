#pragma once

#include <ATen/ATen.h>

#include <string>

#include "core/train/lr_schedule.h"
#include "core/train/parameter_engine.h"
#include "core/train/phase_scope.h"
#include "core/train/step.h"

namespace fgm {

// One network's update along the gradient of `loss`, a scalar with history: backward pass and optimizer, in the phases
// "<role>.backward" and "<role>.optimizer". Reports loss.<role>, lr.<role> and grad_norm.<role>, and the step as not
// finite when the update was refused. `phases` may be null.
void descend(const at::Tensor& loss, ParameterEngine& engine, const std::string& role, double lr, PhaseListener* phases,
             StepReport& report);

}  // namespace fgm
