#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/train/parameter_engine.h"
#include "core/train/save_point.h"
#include "launch/coordinator/weights.h"

namespace fgm {

struct SavedNetwork {
  std::string role;
  ParameterEngine* engine;  // must outlive the save point
};

// Writes the trained networks, and their moving averages, to CHECKPOINTS/step-NNNNNNNN/<role>.safetensors.
// The folder appears by one rename when every file in it is on disk; then all but the newest `keep` are removed
// (0: none is).
class WeightsSavePoint : public SavePoint {
 public:
  WeightsSavePoint(std::filesystem::path checkpoints, int64_t keep, std::vector<SavedNetwork> networks,
                   WeightsInfo description);

  // IoError (disk full, not writable, the step's folder is there already): older steps are as they were.
  void save(int64_t step) override;

 private:
  void write_network(const SavedNetwork& network, int64_t step, const std::filesystem::path& folder) const;
  void remove_old() const;

  std::filesystem::path checkpoints_;
  int64_t keep_;
  std::vector<SavedNetwork> networks_;
  WeightsInfo description_;  // role and step are filled in for each file
};

}  // namespace fgm
