#pragma once

#include <cstdint>
#include <deque>
#include <future>
#include <optional>
#include <type_traits>

namespace fgm {

// Calls next() on this thread until it returns no more work, that work, a std::optional<function>, on `num_threads`
// threads, and take(result) on this one, in the order of the works. No more than `num_threads` + 1 results are being
// made or waiting, however many there are. The first exception in that order comes out of here, when no thread runs any
// more.
template <typename Next, typename Take>
void in_order(int64_t num_threads, Next next, const Take& take) {
  using Work = typename std::invoke_result_t<Next&>::value_type;
  std::deque<std::future<std::invoke_result_t<Work>>> pending;
  for (bool is_over = false; !is_over || !pending.empty();) {
    std::optional<Work> work = is_over ? std::nullopt : next();
    is_over = !work;
    if (work) pending.push_back(std::async(std::launch::async, *std::move(work)));
    if (pending.empty() || (!is_over && static_cast<int64_t>(pending.size()) <= num_threads)) continue;
    auto result = pending.front().get();
    pending.pop_front();
    take(std::move(result));
  }
}

}  // namespace fgm
