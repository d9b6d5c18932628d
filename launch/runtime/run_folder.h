#pragma once

#include <filesystem>
#include <utility>

#include "core/config/config.h"

namespace fgm {

// The folder of one run: what lies where in it (docs/operations.md). A path is valid whether or not its file is there
// yet; only rank 0 writes.
class RunFolder {
 public:
  explicit RunFolder(std::filesystem::path path) : path_(std::move(path)) {}

  // Makes the folder and its sub-folders where they are missing. IoError naming the one that cannot be made.
  void create() const;
  // Writes config.cfg and takes the marker of an earlier end away, when a run starts or resumes.
  void begin(const Config& config) const;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path config_file() const { return path_ / "config.cfg"; }
  std::filesystem::path metrics_file() const { return path_ / "metrics.jsonl"; }
  std::filesystem::path events() const { return path_ / "events"; }
  std::filesystem::path checkpoints() const { return path_ / "checkpoints"; }
  std::filesystem::path restarts_file() const { return path_ / "restarts.json"; }
  std::filesystem::path samples() const { return path_ / "samples"; }
  std::filesystem::path report_file() const { return path_ / "report.json"; }  // of `fgm eval --run`
  // samples/step-00000200.png
  std::filesystem::path sample_file(int64_t step) const;

  // Marks a run that reached its last step; scripts take the file DONE for success, never mpirun's or srun's exit code.
  void mark_done() const;

 private:
  std::filesystem::path done_file() const { return path_ / "DONE"; }

  std::filesystem::path path_;
};

// Whether config.run.dir can be a run's folder; makes and writes nothing. ConfigError when it is empty, or when it or
// one of its sub-folders is a link to what is not there; IoError naming run.dir when it cannot be written.
void check_run_folder(const Config& config);

}  // namespace fgm
