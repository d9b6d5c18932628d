#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "launch/coordinator/resume_rules.h"
#include "launch/coordinator/run_owner.h"
#include "launch/coordinator/state_snapshot.h"
#include "parallel/comm/communicator.h"

// Which checkpoint a start resumes from: check_resume() tells it early, from names, manifests and sizes; resume_run()
// decides by the same rules again when it has compared the digests, and brings the state back.
namespace fgm {

struct ResumePoint {
  std::filesystem::path folder;
  int64_t step = 0;            // steps that are done
  RunDifferences differences;  // allowed ones
};

// What a start with this run.resume (resume_run()) would resume from; nothing when it would start over.
// Reads no tensor and changes nothing. Warns of strays. ConfigError when the start would be refused: by run.resume, by
// the resume rules against `now`, or because `num_steps` are done.
std::optional<ResumePoint> check_resume(const std::filesystem::path& checkpoints, const std::string& resume,
                                        const Manifest& now, int64_t num_steps);

// Folders in the order in which they are tried: a requeued job has the arguments of its first start, and what it has
// made since goes before the PATH that it began with. ConfigError when `resume` is "never" and the run holds
// checkpoints, or is a PATH and there is none at all.
std::vector<std::filesystem::path> resume_candidates(const std::filesystem::path& checkpoints,
                                                     const std::string& resume);

struct ResumedRun {
  int64_t step = 0;                         // steps that are done
  bool is_own = false;                      // the checkpoint is one of the run's own
  int64_t restart = 0;                      // restarts of the run, this one among them
  std::set<std::filesystem::path> damaged;  // names of the run's own checkpoints that were found damaged
};

// Takes the run in `checkpoints` over from whichever start has it, clears away what that left half-written, and sets
// `networks` to the state of the checkpoint that `resume` (config key run.resume) means: weights, averages, optimizer
// states and update counts, and the models' buffers. Nothing when there is none to resume from.
//   "auto"   the newest complete checkpoint of this run; nothing when the run has none at all. Damaged ones are skipped
//            with a warning; when all are damaged that is an error, for someone must decide to start over.
//   "never"  nothing; ConfigError when the run holds checkpoints, which a new run would mix with its own.
//   PATH     a step's folder, or the newest complete one of a run's folder or its checkpoints/. The PATH of another run
//            counts only until this run has a complete checkpoint of its own, which it resumes from then. ConfigError
//            when this run holds later steps than a PATH in it, which the next restart would take for the newest.
// Every file is compared with its digest before use; when one cannot be read, that is an error with kExitCrash and
// nothing is skipped. ConfigError naming all keys that keep the run that `now` describes from being the saved one's
// continuation (resume_rules.h).
// Collective over `control`; an error on one rank is thrown on all.
std::optional<ResumedRun> resume_run(Communicator& control, RunOwner& owner, const std::filesystem::path& checkpoints,
                                     const std::string& resume, const Manifest& now,
                                     const std::vector<SavedNetwork>& networks);

// ConfigError when no step is left to make: only its own checkpoint can make a run finished.
void require_steps_left(int64_t done, bool is_own, int64_t num_steps);

// Logs what differs, a line each.
void log_differences(const RunDifferences& differences, int64_t step);

}  // namespace fgm
