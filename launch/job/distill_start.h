#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/formats/sd3_files.h"
#include "data/pipeline/store_batch_source.h"
#include "data/store/store_set.h"
#include "launch/job/start_checks.h"
#include "launch/runtime/world.h"

namespace fgm {

// The captions that a distillation draws: method.captions', or those of its store.
struct DistillCaptions {
  std::string place;  // of the list, or data.store
  std::shared_ptr<const Captions> texts;
  std::string digest;
};

// What a distillation starts from, opened and checked (start_checks.h). A plan may lack store and teacher.
struct DistillStart {
  Config config;                                // with the teacher's settings
  std::shared_ptr<const StoreSet> stores = {};  // none with method.captions
  std::optional<DistillCaptions> captions = {};
  std::optional<OpenWeights> teacher = {};
  // What student and estimator begin with, of one source where they begin alike; random weights where there are none,
  // and in a plan that lacks the teacher.
  std::optional<OpenWeights> student = {}, estimator = {};
  std::vector<int64_t> sample_shape = {};      // {C, H, W} of what the student generates
  std::optional<Sd3Vae> decoder = {};          // for sample grids and scores, where there are any and they need one
  std::shared_ptr<const Store> held_out = {};  // open_held_out()'s
  std::vector<std::string> missing = {};       // a line for each thing that a start needs and a plan did without
};

// Checks all that can be known of a distillation before its first step, but for the values of weights. ConfigError or
// IoError, the same as the start would end with.
DistillStart check_distillation(const Config& config, const StartContext& context);

// The batches of a checked distillation.
StoreBatchSource batch_source(const DistillStart& start, std::shared_ptr<const TextEncoder> encoder,
                              const World& world);

// What checkpoints say of the run that `start` begins; the number of threads and the teacher's digest are missing.
SavedRun saved_run(const DistillStart& start);

}  // namespace fgm
