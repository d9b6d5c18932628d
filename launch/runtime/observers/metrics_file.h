#pragma once

#include <cstdio>
#include <filesystem>
#include <memory>

#include "core/train/step_observer.h"

namespace fgm {

// metrics.jsonl: one flat JSON object a line, flushed line by line, so that a run that is killed loses no
// whole line. Keys: v (format, 1), step, phase, images (seen in this step by all ranks), the step's own
// values ("loss.student", "ms.total", ...), images_per_s, mem.host (resident bytes of this process), time
// (seconds since 1970). A number that is not finite is written as null.
class MetricsFile final : public StepObserver {
 public:
  // Goes on with a file that is there: its lines up to `first_step` stay, those that the run is about to write again
  // (and one that was cut off) are dropped in one atomic rewrite. IoError when `path` cannot be read or written.
  MetricsFile(const std::filesystem::path& path, int64_t first_step);
  // IoError on a failed write, as throw_write_error() has it: a full disk ends the run for good.
  void on_step(int64_t step, int64_t num_steps, double seconds, const StepReport& report) override;

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };

  std::filesystem::path path_;
  std::unique_ptr<std::FILE, Close> file_;
};

}  // namespace fgm
