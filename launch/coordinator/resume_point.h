#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "launch/checkpoint/checkpoint.h"
#include "launch/coordinator/resume_rules.h"

// What a start goes on from. check_resume() tells it early, from names, manifests and sizes; CheckpointCoordinator
// decides by the same rules again when it has compared the digests.
namespace fgm {

struct ResumePoint {
  std::filesystem::path folder;
  int64_t step = 0;            // steps that are done
  RunDifferences differences;  // allowed ones
};

// What a start with this run.resume (checkpoint_coordinator.h) would go on from; nothing when it would begin anew.
// Reads no tensor and changes nothing. Warns of strays. ConfigError when the start would be refused: by run.resume, by
// the resume rules against `now`, or because `num_steps` are done.
std::optional<ResumePoint> check_resume(const std::filesystem::path& checkpoints, const std::string& resume,
                                        const Manifest& now, int64_t num_steps);

// Folders in the order in which they are tried: a requeued job has the arguments of its first start, and what it has
// made since goes before the PATH that it began with. ConfigError when `resume` is "never" and the run holds
// checkpoints, or is a PATH and there is none at all.
std::vector<std::filesystem::path> resume_candidates(const std::filesystem::path& checkpoints,
                                                     const std::string& resume);

// Runs `read` on a checkpoint: what it finds damaged is a DamageError, all else that goes wrong an Error with
// kExitCrash, for what cannot be read now may be whole, and to pass over it would be to lose it.
void read_checkpoint(const std::filesystem::path& folder, const std::function<void()>& read);

// Whether a checkpoint is one of the run's own.
bool is_own(const std::filesystem::path& checkpoints, const std::filesystem::path& folder);

// For a run.resume that found none: nothing when there were no folders to try, else ConfigError with the first one's
// damage.
void require_none_damaged(const std::vector<std::string>& damages, const std::string& resume,
                          const std::filesystem::path& checkpoints);

// ConfigError when the run holds later steps than a PATH in it, but for those `passed_over` as damaged (names): the
// next start would take one of them for the newest.
void require_no_later_steps(const std::filesystem::path& checkpoints, const Checkpoint& checkpoint,
                            const std::set<std::filesystem::path>& passed_over);

// In what the run differs from the checkpoint's, where it may. ConfigError naming all keys that keep it from being its
// continuation.
RunDifferences require_continuation(const Checkpoint& checkpoint, const Manifest& now);

// ConfigError when no step is left to make: only its own checkpoint can make a run finished.
void require_steps_left(int64_t done, bool is_own, int64_t num_steps);

// Logs what differs, a line each.
void log_differences(const RunDifferences& differences, int64_t step);

}  // namespace fgm
