#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <set>

#include "launch/coordinator/run_owner.h"
#include "launch/coordinator/state_snapshot.h"
#include "parallel/comm/communicator.h"

namespace fgm {

// Makes a checkpoint on disk of the ranks' snapshots. Knows no networks: a write needs nothing but the snapshots, and
// may run beside training where these hold copies and `control` is used by nobody else.
class SnapshotWriter {
 public:
  // Writes into `checkpoints`, which all ranks see and which is made when it is not there, and keeps the `keep` newest
  // complete ones (0: all). References must outlive it; `owner` is asked on rank 0 alone.
  SnapshotWriter(Communicator& control, std::filesystem::path checkpoints, int64_t keep, RunOwner& owner);

  // Writes the ranks' files, fsynced and digested while written, then manifest and COMMIT, and publishes the folder.
  // Collective over `control`: every rank gives its snapshot of the same step. Returns when the checkpoint is on disk,
  // and known to be so by every rank. An error on one rank is thrown on all, and leaves older checkpoints as they were
  // and nothing half-written: see CheckpointCoordinator::save().
  void write(StateSnapshot snapshot);

  // Sets which of the run's own checkpoints were found damaged (names): rank 0 sets them aside when the next one is
  // published, for until then a restart may find them whole.
  void set_damaged(std::set<std::filesystem::path> names) { damaged_ = std::move(names); }

 private:
  void vote(const std::function<void()>& body) const;
  void write_folder(const std::filesystem::path& temporary, const StateSnapshot& snapshot);
  void put_in_place(const std::filesystem::path& temporary, int64_t step);
  bool is_first() const { return control_.rank() == 0; }

  Communicator& control_;
  std::filesystem::path checkpoints_;
  int64_t keep_;
  RunOwner& owner_;
  std::set<std::filesystem::path> damaged_;
};

}  // namespace fgm
