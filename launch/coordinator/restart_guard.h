#pragma once

#include <cstdint>
#include <filesystem>

namespace fgm {

// Ends the requeueing of a job that makes no progress: RUN/restarts.json counts the starts in a row that resumed from
// the same step and did not end cleanly. For rank 0 alone.
class RestartGuard {
 public:
  static constexpr int64_t kMaxStarts = 3;

  explicit RestartGuard(std::filesystem::path file);

  // DoNotRequeueError when kMaxStarts resumed from `step` (0: started over) without a later checkpoint or a clean end;
  // the file says so until it is removed.
  void require_progress(int64_t step) const;

  // Notes a start that resumes from `step`. DoNotRequeueError as in require_progress().
  void start(int64_t step);

  // Forgets the starts, when the run is finished or was saved on a signal.
  void end_cleanly();

 private:
  std::filesystem::path file_;
};

}  // namespace fgm
