#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace fgm {

// The whole lines of a run's metrics.jsonl.
inline std::vector<nlohmann::json> metrics(const std::filesystem::path& run) {
  std::vector<nlohmann::json> lines;
  std::ifstream file(run / "metrics.jsonl");
  for (std::string line; std::getline(file, line) && !file.eof();) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

// How many steps the run has reported so far, also while it runs.
inline size_t num_steps_done(const std::filesystem::path& run) {
  std::ifstream file(run / "metrics.jsonl");
  return static_cast<size_t>(std::count(std::istreambuf_iterator<char>(file), {}, '\n'));
}

// One value of every line.
inline std::vector<double> metric(const std::filesystem::path& run, const std::string& key) {
  std::vector<double> values;
  for (const auto& line : metrics(run)) values.push_back(line.at(key).get<double>());
  return values;
}

// "step-00000020/student-00000-of-00002.safetensors" and its bytes, of every weights and optimizer file of that step.
inline std::map<std::string, std::string> tensors_of_step(const std::filesystem::path& run, int64_t step) {
  std::map<std::string, std::string> files;
  const auto folder = run / "checkpoints" / fmt::format("step-{:08d}", step);
  std::error_code missing;
  for (const auto& entry : std::filesystem::directory_iterator(folder, missing)) {
    if (entry.path().extension() != ".safetensors") continue;
    std::ifstream file(entry.path(), std::ios::binary);
    files[entry.path().filename().string()] = std::string(std::istreambuf_iterator<char>(file), {});
  }
  return files;
}

}  // namespace fgm
