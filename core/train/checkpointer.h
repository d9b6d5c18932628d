#pragma once

#include <cstdint>

namespace fgm {

// Makes the state after `step` steps safe on disk: all of it or nothing, and never at the cost of an older one.
class Checkpointer {
 public:
  virtual ~Checkpointer() = default;
  virtual void save(int64_t step) = 0;
};

}  // namespace fgm
