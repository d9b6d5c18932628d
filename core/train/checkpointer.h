#pragma once

#include <cstdint>

namespace fgm {

// Makes the state after `step` steps safe on disk: all of it or nothing, and never at the cost of an older one.
class Checkpointer {
 public:
  virtual ~Checkpointer() = default;
  // May return before the state is on disk, but takes no notice of what changes after it has returned.
  virtual void save(int64_t step) = 0;
  // Returns when everything that save() was given is safe on disk. Errors of writing come from here, too.
  virtual void finish() = 0;
};

}  // namespace fgm
