#pragma once

#include <cstdint>
#include <deque>
#include <future>

namespace fgm {

// Calls make(i) for i = 0, 1, ... count - 1 on `num_threads` threads, and take(result) on this one, in the order of i.
// No more than `num_threads` + 1 results are being made or waiting, whatever `count` is. The first exception in that
// order comes out of here, when no thread runs any more.
template <typename Make, typename Take>
void in_order(int64_t count, int64_t num_threads, const Make& make, const Take& take) {
  std::deque<decltype(std::async(std::launch::async, make, int64_t{0}))> pending;
  for (int64_t i = 0; i < count || !pending.empty(); ++i) {
    if (i < count) pending.push_back(std::async(std::launch::async, make, i));
    if (i < count && static_cast<int64_t>(pending.size()) <= num_threads) continue;
    auto result = pending.front().get();
    pending.pop_front();
    take(std::move(result));
  }
}

}  // namespace fgm
