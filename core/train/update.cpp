#include "core/train/update.h"

namespace fgm {

void descend(const at::Tensor& loss, ParameterEngine& engine, const std::string& role, double lr, PhaseListener* phases,
             StepReport& report) {
  in_phase(phases, role + ".backward", [&] { loss.backward(); });
  const auto update = in_phase(phases, role + ".optimizer", [&] { return engine.update(lr); });
  report.is_finite = report.is_finite && update.is_applied;
  report.values["loss." + role] = loss.item<double>();
  report.values["lr." + role] = lr;
  report.values["grad_norm." + role] = update.grad_norm;
}

}  // namespace fgm
