#pragma once

#include <filesystem>
#include <utility>

#include "core/config/config.h"

namespace fgm {

// The folder of one run: who writes what where (INTERFACES: config.cfg, metrics.jsonl, events/, samples/,
// checkpoints/, report.json, DONE). A path is valid whether or not its file is there yet; only rank 0 writes.
class RunFolder {
 public:
  explicit RunFolder(std::filesystem::path path) : path_(std::move(path)) {}

  // Makes the folder and its sub-folders where they are missing. IoError naming the one that cannot be made.
  void create() const;
  // A run begins or goes on: writes config.cfg and takes the marker of an earlier end away.
  void begin(const Config& config) const;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path config_file() const { return path_ / "config.cfg"; }
  std::filesystem::path metrics_file() const { return path_ / "metrics.jsonl"; }
  std::filesystem::path events() const { return path_ / "events"; }
  std::filesystem::path checkpoints() const { return path_ / "checkpoints"; }
  std::filesystem::path restarts_file() const { return path_ / "restarts.json"; }
  std::filesystem::path samples() const { return path_ / "samples"; }
  // samples/step-00000200.png
  std::filesystem::path sample_file(int64_t step) const;

  // A run that reached its last step; scripts take this for success, never the exit code of mpirun or srun.
  bool is_done() const { return std::filesystem::exists(done_file()); }
  void mark_done() const;

 private:
  std::filesystem::path done_file() const { return path_ / "DONE"; }

  std::filesystem::path path_;
};

// Whether config.run.dir can be a run's folder; makes and writes nothing. ConfigError when it is empty, or when it or
// one of its sub-folders is a link to what is not there; IoError when it cannot be written.
void check_run_folder(const Config& config);

}  // namespace fgm
