#pragma once

#include <cstdint>
#include <functional>

namespace fgm {

// How many reads of one batch are under way at once. A file on a network answers one after a millisecond or more
// whatever its size, and several in the same time; where the page cache answers, a few threads cost nothing that counts.
inline constexpr int64_t kReadThreads = 4;

// Calls `read` once for each row in [0, num_rows), on up to `num_threads` threads, the calling one among them, in no
// order. `read` must not call what computes on threads of ATen, which every short-lived thread would start anew. Returns
// when all have returned. Where some throw, what the first of these rows threw is thrown here, whatever the number of
// threads, and rows behind it may be missing.
void for_each_row(int64_t num_rows, const std::function<void(int64_t)>& read, int64_t num_threads = kReadThreads);

}  // namespace fgm
