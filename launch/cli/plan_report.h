#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "launch/job/distill_plan.h"

// What `fgm distill --dry-run` prints of a plan.
namespace fgm {

//   parameters              of each network: teacher, student, estimator; of a regression the student alone
//   mesh                    {replicate, shard}
//   device                  "cpu" or "cuda"
//   state_bytes_per_rank    {teacher, student, estimator, buffers, gathered_unit, decoder, total}
//   checkpoint_bytes        of one step's folder
//   text                    {bytes_per_caption, captions, bytes}: captions and bytes are null without a store, all of
//                           them for hashed words
//   teacher, store          {path, is_found}
//   missing                 lines: what a start needs beside, and what was therefore not checked
nlohmann::ordered_json plan_json(const DistillPlan& plan);

// The plan as lines of text, for a reader.
std::string plan_text(const DistillPlan& plan);

}  // namespace fgm
