#pragma once

#include <cstdio>
#include <map>
#include <string>

#include "core/train/step_observer.h"

namespace fgm {

// "train 120/4000  loss.teacher 0.4321  430 images/s  ETA 3 min 20 s". On a terminal one line that is
// rewritten about ten times a second, else a plain line every `log_every` steps and at the last one. Scores stay in the
// line until there are newer ones.
class ProgressLine final : public StepObserver {
 public:
  struct Options {
    std::string label;  // what is running: "train"
    int64_t log_every = 10;
    int64_t terminal_columns = 0;  // 0: not a terminal
  };

  // `out` must outlive the observer; failed writes to it are ignored (the reader of a pipe may have gone).
  ProgressLine(std::FILE* out, Options options);
  void on_step(int64_t step, int64_t num_steps, double seconds, const StepReport& report) override;
  void on_end(int64_t step) override;

 private:
  std::string text(int64_t step, int64_t num_steps, const StepReport& report) const;
  void write(const std::string& bytes);
  void rewrite(std::string line);

  std::FILE* out_;
  Options options_;
  std::map<std::string, double> scores_;  // the newest
  double seconds_per_step_ = 0.0;         // moving average
  double seconds_since_drawn_ = 0.0;
  bool has_drawn_ = false;
  std::string undrawn_;
};

// Columns of the terminal behind `out`; 0 when it is none.
int64_t terminal_columns(std::FILE* out);

}  // namespace fgm
