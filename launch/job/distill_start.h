#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/formats/sd3_files.h"
#include "data/store/store.h"
#include "launch/job/start_checks.h"

namespace fgm {

// What a distillation starts from, opened and checked (start_checks.h). A plan may lack store and teacher.
struct DistillStart {
  Config config;  // with the teacher's settings
  std::shared_ptr<const Store> store = {};
  std::optional<OpenWeights> teacher = {};
  OpenWeights start = {};                  // what student and estimator begin with
  std::vector<int64_t> sample_shape = {};  // {C, H, W} of what the student generates
  std::optional<Sd3Vae> decoder = {};      // for the sample grids, where there are any and they need one
  std::vector<std::string> missing = {};   // a line for each thing that a start needs and a plan did without
};

// Checks all that can be known of a distillation before its first step, but for the values of weights. ConfigError or
// IoError, the same as the start would end with.
DistillStart check_distillation(const Config& config, const StartContext& context);

// What checkpoints say of the run that `start` begins; the number of threads and the teacher's digest are missing.
SavedRun saved_run(const DistillStart& start);

}  // namespace fgm
