#pragma once

#include <chrono>
#include <functional>
#include <utility>

#include "core/base/error.h"

namespace fgm {

// Lets some time pass; false when the run is to stop.
using Wait = std::function<bool(std::chrono::milliseconds)>;
// Sleeps, and never stops.
bool wait_in_sleep(std::chrono::milliseconds time);

// Reads from file systems that may be slow or away for a while. What failed is read again unless its error would be the
// same the next time (exit_code_of() tells: EIO, ESTALE, ENOTCONN, ETIMEDOUT and their like may pass): after 0.1 s, and
// then after twice as long each time, at most 30 s, for ten minutes in all. TensorFlow's RetryConfig has the same first
// and nearly the same longest time, for a hundred seconds; what a cluster's file server takes to restart is longer.
class Patience {
 public:
  explicit Patience(Wait wait) : wait_(std::move(wait)) {}

  // What `read` returns. Each failure that is followed by another try is a warning in the log. The last IoError, with
  // the number of tries, when the time is over or wait() says to stop.
  template <typename Read>
  auto read(const Read& read) const {
    for (int num_failed = 1;; ++num_failed) {
      try {
        return read();
      } catch (const IoError& error) {
        if (error.exit_code() != kExitCrash) throw;
        wait_after(error, num_failed);
      }
    }
  }

 private:
  void wait_after(const IoError& error, int num_failed) const;

  Wait wait_;
};

}  // namespace fgm
