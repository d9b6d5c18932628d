#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace fgm {

// The networks of a run, as they appear in file names, config sections and metrics.
namespace role {
// The many-step model: frozen in `fgm distill`, trained in `fgm train`.
inline constexpr std::string_view kTeacher = "teacher";
inline constexpr std::string_view kStudent = "student";  // the generator of one or a few steps
// Tracks the student's own flow (the paper's online flow model).
inline constexpr std::string_view kEstimator = "estimator";

// The roles of saved weights that make images, in the order in which they are looked for: "_ema" is the first moving
// average of a network's weights, and goes before the weights themselves. Further averages are for those who name them.
inline const std::vector<std::string> kTeachers = {"teacher_ema", "teacher"};
inline const std::vector<std::string> kStudentsThenTeachers = {"student_ema", "student", "teacher_ema", "teacher"};
// What an estimator starts from: that of an earlier distillation, which knows its student's flow, or any of the above.
inline const std::vector<std::string> kEstimatorThenOthers = {"estimator", "student_ema", "student", "teacher_ema",
                                                              "teacher"};

// Whether weights of `role` are a student's, or their average.
inline bool is_student(std::string_view role) {
  return role.starts_with(kStudent);
}

// Whether weights of `role` are a moving average of those that `average` ("student_ema") is the first average of:
// "student_ema" itself, "student_ema_0.999".
inline bool is_average(std::string_view role, std::string_view average) {
  return average.ends_with("_ema") && (role == average || role.starts_with(std::string(average) + "_"));
}
}  // namespace role

}  // namespace fgm
