#include "core/train/finite_guard.h"

#include <spdlog/spdlog.h>

#include "core/base/error.h"

namespace fgm {

void FiniteGuard::check(int64_t step, const StepReport& report) {
  if (report.is_finite) {
    in_a_row_ = 0;
    return;
  }
  ++in_a_row_;
  spdlog::warn("step {} ({}): a loss or gradient is not finite; its update was refused ({} in a row)", step,
               report.command, in_a_row_);
  require<DoNotRequeueError>(
      in_a_row_ < max_in_a_row_,
      "{} non-finite steps in a row up to step {}: the run has diverged; go back to an older checkpoint "
      "with a lower learning rate or a tighter clip",
      in_a_row_, step);
}

}  // namespace fgm
