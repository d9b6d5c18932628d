#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/train/checkpointer.h"
#include "launch/checkpoint/checkpoint.h"
#include "launch/coordinator/run_owner.h"
#include "launch/coordinator/shard_files.h"
#include "parallel/comm/communicator.h"
#include "parallel/mesh/device_mesh.h"

namespace fgm {

// What a checkpoint says of a run beside its networks.
struct SavedRun {
  std::string phase;    // "train" or "distill"
  WeightsInfo weights;  // sample shape and resolved config; role and step are filled in for each file
  int64_t threads = 1;  // CPU threads of each rank
  std::string store;    // path
  int64_t store_size = 0;
  int64_t samples_per_step = 0;                   // of all ranks and all updates of a step
  std::optional<Manifest::Teacher> teacher = {};  // of a distillation
};

// What the manifest says of a run before its first step: phase, config, seed, threads, store and teacher.
Manifest manifest_head(const SavedRun& run);

struct CheckpointOptions {
  std::filesystem::path checkpoints;  // RUN/checkpoints, seen by all ranks; made when it is not there
  int64_t keep = 0;                   // newest complete checkpoints that stay; 0: all
  MeshAxes coordinate = {0, 0};       // of this rank
  MeshAxes mesh = {};
};

struct RestoredState {
  int64_t step = 0;     // steps that are done
  bool is_own = false;  // of this run's own checkpoints
  Manifest manifest;
};

// Saves the whole state of a run, each rank its own shards, and brings it back onto any number of ranks
// (docs/checkpoint_format.md, docs/design/0010-checkpoints.md).
// All calls are collective over `control`, the CPU communicator of all ranks. An error on one rank is thrown on all of
// them, as one Error with the failing rank's message and exit code.
class CheckpointCoordinator : public Checkpointer {
 public:
  // References and engines must outlive it.
  CheckpointCoordinator(Communicator& control, CheckpointOptions options, std::vector<SavedNetwork> networks,
                        SavedRun run);

  // Returns when the checkpoint of `step` is published, on disk, and known to be so by every rank. On an error
  // older checkpoints are as they were and nothing half-written stays; a full disk has kExitDoNotRequeue on all ranks,
  // and so has a run that a later start has taken over (run_owner.h).
  void save(int64_t step) override;

  // Takes the run over from whichever start has it; save() does so where this was not called.
  // `resume`, config key run.resume:
  //   "auto"   the newest complete checkpoint of this run; nothing when the run has none at all. Damaged ones are
  //            passed over with a warning, and set aside when a new one is published; when all are damaged that is an
  //            error, for someone must decide to begin anew.
  //   "never"  nothing; ConfigError when the run holds checkpoints, which a new run would mix with its own.
  //   PATH     a step's folder, or the newest complete one of a run's folder or its checkpoints/; when that is another
  //   run's, only until
  //            this one has a complete checkpoint of its own, from which it goes on then. ConfigError when this run
  //            holds later steps than a PATH in it, which would be taken for the newest after the next restart.
  // Every file is compared with its digest before use; when one cannot be read, that is an error with kExitCrash and
  // nothing is passed over. Then the networks' weights, averages, optimizer states and
  // update counts, and the models' buffers, are those of the checkpoint. ConfigError naming all keys that keep this run
  // from being the saved one's continuation (resume_rules.h).
  std::optional<RestoredState> restore(const std::string& resume);

 private:
  Manifest describe(int64_t step) const;
  void vote(const std::function<void()>& body) const;
  void write(const std::filesystem::path& temporary, Manifest manifest);
  void put_in_place(const std::filesystem::path& temporary, int64_t step);
  std::optional<Checkpoint> first_complete(const std::vector<std::filesystem::path>& folders,
                                           const std::string& resume);
  std::optional<Checkpoint> open_together(const std::filesystem::path& folder, std::string& first_damage);
  bool is_first() const { return control_.rank() == 0; }

  Communicator& control_;
  CheckpointOptions options_;
  std::vector<SavedNetwork> networks_;
  SavedRun run_;
  RunOwner owner_;
  int64_t restart_ = 0;                       // restarts of the run so far
  std::set<std::filesystem::path> rejected_;  // names of damaged checkpoints, set aside when a new one is published
};

}  // namespace fgm
