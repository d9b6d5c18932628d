#pragma once

#include <string>
#include <vector>

#include "launch/checkpoint/manifest.h"

namespace fgm {

// How a run that is about to resume differs from the run that wrote the checkpoint; each text is one line.
struct RunDifferences {
  std::vector<std::string> errors;    // it would not be the same run: sizes, seed, batch, teacher, kind of state
  std::vector<std::string> warnings;  // allowed, and may have been meant: number of steps, jumps of a learning rate
  std::vector<std::string> notes;     // the same run with other bits: ranks, threads
};

// Compares command, config, teacher, store, ranks and threads. Where a run lives and what it shows is not compared, nor
// are sections that its command does not use. A key that the saved config lacks had its default then.
RunDifferences compare_runs(const Manifest& saved, const Manifest& now);

}  // namespace fgm
