#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "launch/report/metrics_log.h"

namespace fgm {

// A grid of samples that a run wrote (launch/runtime/observers/sample_grid.h).
struct SampleFile {
  int64_t step = 0;
  std::filesystem::path path;
};

// What a run's folder holds for a report. What is not there yet is empty.
struct RunRecord {
  std::string name;                             // its path, as the user gave it
  std::string version;                          // "fgm 0.1.0 (74e900292312)", of the program that made config.cfg
  std::map<std::string, std::string> settings;  // of config.cfg, by key
  MetricsLog metrics;
  std::vector<SampleFile> samples;   // by step
  nlohmann::ordered_json run;        // what report_run() says; null without checkpoints
  nlohmann::ordered_json scores;     // report.json of `fgm eval`; null without one
  std::vector<std::string> remarks;  // what could not be read
};

// Reads a run's folder, which a run may be writing to. ConfigError when it is none; IoError when it cannot be read.
RunRecord read_run(const std::filesystem::path& path);

}  // namespace fgm
