#pragma once

#include <string_view>

namespace fgm {

// The networks' parts in a run, as they appear in file names, config sections and metrics.
namespace role {
inline constexpr std::string_view kTeacher = "teacher";  // frozen many-step model; in `fgm train` the one being trained
inline constexpr std::string_view kStudent = "student";  // the one-step generator
inline constexpr std::string_view kEstimator =
    "estimator";                                        // tracks the student's own flow (the paper's online flow model)
inline constexpr std::string_view kEmaSuffix = "_ema";  // "student_ema": the moving average of a role's weights
}  // namespace role

}  // namespace fgm
