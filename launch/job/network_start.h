#pragma once

#include <string>

#include "launch/job/distill_start.h"

namespace fgm {

// The key that says what a network of a distillation starts from, and its value.
struct StartKey {
  std::string key, value;
};

// Opens the weights that student and estimator start from, and returns the student's key: student.init, or method.init.
// Nothing for random ones, and where a plan lacks the teacher. Warns of text settings that the weights were not trained
// with and, of a student's, of other times and mean: these may be meant to change. ConfigError where weights are of
// another network than the teacher's.
StartKey open_starts(const StartContext& context, DistillStart& start);

}  // namespace fgm
