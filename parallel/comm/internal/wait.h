#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

namespace fgm {

// How long a wait for other ranks asks without a pause: the little by which ranks that compute alike miss each other.
constexpr std::chrono::nanoseconds kSpin = std::chrono::microseconds(100);

// How long to sleep between two questions, after `waited`: not at all within `spin`, then an eighth of the time that
// has passed already, at most 200 us. So a result is seen late by an eighth of its wait, or by 200 us.
std::chrono::nanoseconds pause_after(std::chrono::nanoseconds waited, std::chrono::nanoseconds spin);

// Returns once `is_done` says so. Every wait for another rank, or for a device that works for one, goes through here.
//
// Note [Spin, then sleep]: a rank that spins takes the core of one that computes where ranks and threads outnumber the
// cores. One that gives its core away by sched_yield gets it back after a whole time slice of whoever else wants it:
// beside niced work half of the job's time goes there. A thread that wakes up takes its core back at once.
void wait_until(const std::function<bool()>& is_done, std::chrono::nanoseconds spin = kSpin);

// How long ranks that are all there spin while they move `num_bytes` between them: MPI makes no progress by itself.
std::chrono::nanoseconds spin_for_transfer(int64_t num_bytes);

}  // namespace fgm
