#pragma once

#include <spdlog/spdlog.h>

#include <chrono>
#include <cstdint>
#include <string>

#include "core/base/text.h"

namespace fgm {

// Says now and then how far an encoding is: of `num_all` prompts or images, `num_wanted` are to be encoded.
class EncodeProgress {
 public:
  EncodeProgress(std::string what, int64_t num_all, int64_t num_wanted)
      : what_(std::move(what)), num_all_(num_all), num_wanted_(num_wanted) {}

  void add(int64_t count) {
    num_done_ += count;
    const auto now = Clock::now();
    const std::chrono::duration<double> all = now - began_, since_line = now - line_;
    if (since_line.count() < kSecondsBetweenLines && num_done_ < num_wanted_) return;
    line_ = now;
    const double rate = static_cast<double>(num_done_) / all.count();
    spdlog::info("{} of {} {} encoded, {:.2f} a second, ETA {}", num_all_ - num_wanted_ + num_done_, num_all_, what_,
                 rate, human_duration(static_cast<double>(num_wanted_ - num_done_) / rate));
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr double kSecondsBetweenLines = 10;
  std::string what_;
  int64_t num_all_, num_wanted_, num_done_ = 0;
  Clock::time_point began_ = Clock::now(), line_ = began_;
};

}  // namespace fgm
