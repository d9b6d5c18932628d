#pragma once

#include <filesystem>
#include <string>

#include "core/config/config.h"

namespace fgm {

// The folder of one run: who writes what where (INTERFACES: config.cfg, metrics.jsonl, events/, samples/,
// checkpoints/, report.json, DONE). Rank 0 makes it; a path is valid whether or not its file is there yet.
class RunFolder {
 public:
  // Makes config.run.dir with its sub-folders and writes config.cfg, replacing that of an unfinished run.
  // ConfigError when run.dir is empty or holds a finished run of another config; IoError when it cannot be written.
  explicit RunFolder(const Config& config);

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path config_file() const { return path_ / "config.cfg"; }
  std::filesystem::path metrics_file() const { return path_ / "metrics.jsonl"; }
  std::filesystem::path events() const { return path_ / "events"; }
  std::filesystem::path checkpoints() const { return path_ / "checkpoints"; }
  // samples/step-00000200.png
  std::filesystem::path sample_file(int64_t step) const;

  // A run that reached its last step; scripts take this for success, never the exit code of mpirun or srun.
  bool is_done() const { return std::filesystem::exists(done_file()); }
  void mark_done() const;

 private:
  std::filesystem::path done_file() const { return path_ / "DONE"; }

  std::filesystem::path path_;
};

// The same checks, with nothing made or written: what --dry-run reports.
void check_run_folder(const Config& config);

}  // namespace fgm
