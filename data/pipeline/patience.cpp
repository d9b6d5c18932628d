#include "data/pipeline/patience.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <thread>

namespace fgm {

bool wait_in_sleep(std::chrono::milliseconds time) {
  std::this_thread::sleep_for(time);
  return true;
}

void Patience::wait_after(const IoError& error, int num_failed) const {
  using std::chrono::milliseconds;
  constexpr milliseconds kFirst{100}, kLongest{30'000};
  constexpr int kDoublings = 9;  // until it is the longest
  constexpr int kMostTries = 28;
  const auto give_up = [&](const char* why) {
    throw IoError(fmt::format("{}; {} after {} tries", error.what(), why, num_failed), kExitCrash);
  };
  if (num_failed == kMostTries) give_up("given up");
  const auto time = std::min(kFirst * (1 << std::min(num_failed - 1, kDoublings)), kLongest);
  spdlog::warn("{}; reading again in {} s (try {} of {})", error.what(), std::chrono::duration<double>(time).count(),
               num_failed + 1, kMostTries);
  if (!wait_(time)) give_up("stopped by a signal");
}

}  // namespace fgm
