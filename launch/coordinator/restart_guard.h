#pragma once

#include <cstdint>
#include <filesystem>

namespace fgm {

// Ends the requeueing of a job that makes no progress: RUN/restarts.json counts the starts in a row that went on from
// the same step and did not end cleanly. For rank 0 alone.
class RestartGuard {
 public:
  static constexpr int64_t kMaxStarts = 3;

  explicit RestartGuard(std::filesystem::path file);

  // DoNotRequeueError when kMaxStarts went on from `step` (0: from the beginning) without a later checkpoint or a clean
  // end; the file says so until it is removed.
  void require_progress(int64_t step) const;

  // Notes a start that goes on from `step`. Error as above.
  void start(int64_t step);

  // The run is finished, or saved on a signal: forgets the starts.
  void end_cleanly();

 private:
  std::filesystem::path file_;
};

}  // namespace fgm
