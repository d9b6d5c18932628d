#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/formats/sd3_files.h"
#include "data/store/store.h"
#include "launch/job/start_checks.h"

namespace fgm {

// What a distillation starts from, opened and checked (start_checks.h). In a dry run store and teacher may be missing.
struct DistillStart {
  Config config;  // with what the teacher says taken over
  std::shared_ptr<const Store> store = {};
  std::optional<OpenWeights> teacher = {};
  OpenWeights start = {};                  // of student and estimator
  std::vector<int64_t> sample_shape = {};  // {C, H, W} of what the student generates
  std::optional<Sd3Vae> decoder = {};      // of the sample grids, where there are any and they need one
  std::vector<std::string> missing = {};   // what a start needs beside and does not find, a line each
};

// All that can be known of a distillation before its first step, but for the values of weights. ConfigError or IoError
// as the start ends with.
DistillStart check_distillation(const Config& config, const StartContext& context);

// What a checkpoint says of this run; without the digest of its teacher.
SavedRun saved_run(const DistillStart& start);

}  // namespace fgm
