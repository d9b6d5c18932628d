#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "parallel/comm/communicator.h"

namespace fgm {

// What the ranks of one host compute on, together.
struct HostCores {
  int64_t cores = 1;                 // that they may run on
  std::optional<double> quota = {};  // cores' worth of time that a cgroup grants them (docker --cpus, Kubernetes)
  int64_t num_ranks = 1;
};

struct ThreadDecision {
  int64_t num_threads;
  std::string reason;  // for the log: "OMP_NUM_THREADS", "8 cores / 2 ranks"
};

// CPU threads of one rank: `requested` (run.threads); when that is 0, `omp_num_threads`; when that is 0 too, an equal
// part of the host's cores or of its quota, the smaller, rounded down and at least 1.
ThreadDecision choose_threads(int64_t requested, int64_t omp_num_threads, const HostCores& host);

// The cores of a process that computes alone.
HostCores own_cores();

// The cores of this rank and the `num_ranks` - 1 others of its host: a launcher may have given all cores to every rank
// or some to each; the smallest quota counts, for all. Collective over `ranks`, a communicator of CPU tensors.
HostCores host_cores(Communicator& ranks, int64_t num_ranks);

// Gives LibTorch that many threads within an operation. Call once, before its first parallel operation. ConfigError
// when a limit of processes does not allow them.
void use_threads(int64_t num_threads);

}  // namespace fgm
