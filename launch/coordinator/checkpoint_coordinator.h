#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/train/checkpointer.h"
#include "launch/coordinator/run_owner.h"
#include "launch/coordinator/snapshot_writer.h"
#include "launch/coordinator/state_snapshot.h"
#include "parallel/comm/communicator.h"
#include "parallel/mesh/device_mesh.h"

namespace fgm {

struct CheckpointOptions {
  std::filesystem::path checkpoints;  // RUN/checkpoints, seen by all ranks; made when it is not there
  int64_t keep = 0;                   // newest complete checkpoints that stay; 0: all
  MeshCoordinate coordinate = {};     // of this rank
  MeshShape mesh = {};
};

struct RestoredState {
  int64_t step = 0;     // steps that are done
  bool is_own = false;  // of this run's own checkpoints
};

// Saves the whole state of a run, each rank its own shards (state_snapshot.h, snapshot_writer.h), and brings it back
// onto any number of ranks (resume.h): docs/checkpoint_format.md, docs/design/0010-checkpoints.md.
// All calls are collective over `control`, the CPU communicator of all ranks. An error on one rank is thrown on all of
// them, as one AgreedError with the failing rank's message and exit code.
class CheckpointCoordinator : public Checkpointer {
 public:
  // References and engines must outlive it.
  CheckpointCoordinator(Communicator& control, CheckpointOptions options, std::vector<SavedNetwork> networks,
                        SavedRun run);

  // Returns when the checkpoint of `step` is published, on disk, and known to be so by every rank. On an error
  // older checkpoints are as they were and nothing half-written stays; a full disk has kExitDoNotRequeue on all ranks,
  // and so has a run that a later start has taken over (run_owner.h).
  void save(int64_t step) override;

  // Returns at once: save() leaves nothing to be done.
  void finish() override {}

  // Takes the run over from whichever start has it (save() does so where this was not called), and sets the networks to
  // the checkpoint that `resume` means: see resume_run(). Nothing when the run starts over.
  std::optional<RestoredState> restore(const std::string& resume);

 private:
  Manifest describe(int64_t step) const;

  Communicator& control_;
  CheckpointOptions options_;
  std::vector<SavedNetwork> networks_;
  SavedRun run_;
  RunOwner owner_;
  SnapshotWriter writer_;
  int64_t restart_ = 0;  // restarts of the run so far
};

}  // namespace fgm
