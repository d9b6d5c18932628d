#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace fgm {

// A value of a run at one step. `images` is how many the run had seen by then, of all ranks.
struct MetricsPoint {
  int64_t step = 0;
  double images = 0.0;
  double value = 0.0;
};

// What a run's metrics.jsonl tells (launch/runtime/observers/metrics_file.h), by key.
struct MetricsLog {
  std::string phase;       // "train" or "distill"; "" before the first step
  int64_t last_step = 0;   // 0: none
  double images = 0.0;     // seen up to it
  double last_time = 0.0;  // when it was written, in seconds since 1970
  std::map<std::string, std::vector<MetricsPoint>> series;
  std::vector<std::string> remarks;  // what was wrong with the file, a sentence each
};

// Reads the file of a run that may still be writing it. Lines that are no metrics are left out and remarked, as are
// steps that are missing; of steps that were written twice the later line counts, and what the earlier job wrote after
// them does not. Without a file there are no steps. IoError when it is there and cannot be read.
MetricsLog read_metrics(const std::filesystem::path& path);

}  // namespace fgm
