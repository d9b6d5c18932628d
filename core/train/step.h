#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "core/train/batch_source.h"

namespace fgm {

// What one step did. Keys are those of metrics.jsonl: "loss.student", "l1", "grad_norm.student", "ms.forward", ...
struct StepReport {
  std::string command;    // "train" or "distill"
  int64_t images = 0;     // samples seen by all ranks in this step
  bool is_finite = true;  // false: at least one update was refused for a non-finite loss or gradient
  std::map<std::string, double> values;
};

// One iteration of a training method: draws the batches it needs, differentiates, updates its networks.
class Step {
 public:
  virtual ~Step() = default;
  virtual StepReport run(int64_t step, BatchSource& source) = 0;
  // Batches that run() draws; step s starts at batch s * batches_per_step().
  virtual int64_t batches_per_step() const = 0;
};

}  // namespace fgm
