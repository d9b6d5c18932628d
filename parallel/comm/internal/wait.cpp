#include "parallel/comm/internal/wait.h"

#include <algorithm>
#include <thread>

namespace fgm {

using std::chrono::nanoseconds;

nanoseconds pause_after(nanoseconds waited, nanoseconds spin) {
  constexpr nanoseconds kLongest = std::chrono::microseconds(200);
  return waited < spin ? nanoseconds(0) : std::min(waited / 8, kLongest);
}

void wait_until(const std::function<bool()>& is_done, nanoseconds spin) {
  using Clock = std::chrono::steady_clock;
  const auto began = Clock::now();
  while (!is_done()) {
    const auto pause = pause_after(Clock::now() - began, spin);
    if (pause.count() > 0) std::this_thread::sleep_for(pause);
  }
}

nanoseconds spin_for_transfer(int64_t num_bytes) {
  return kSpin + nanoseconds(num_bytes);  // 1 GB/s: the ranks of a host have several
}

}  // namespace fgm
