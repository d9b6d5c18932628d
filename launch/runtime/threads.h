#pragma once

#include <cstdint>

#include "parallel/comm/communicator.h"

namespace fgm {

// CPU threads of one rank: `requested` (run.threads), or, when that is 0, an equal part of the host's cores,
// at least 1.
int64_t choose_threads(int64_t requested, int64_t num_cores, int64_t local_size);

// Cores that this process may run on.
int64_t num_cores();

// Cores of this host that its ranks may run on, together: a launcher may have given all of them to every rank or some
// to each. Collective over `ranks`, a communicator of CPU tensors.
int64_t num_host_cores(Communicator& ranks);

// Gives LibTorch that many threads within an operation. Call once, before its first parallel operation.
void use_threads(int64_t num_threads);

}  // namespace fgm
