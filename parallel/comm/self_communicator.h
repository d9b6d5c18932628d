#pragma once

#include <memory>

#include "parallel/comm/communicator.h"

namespace fgm {

// The communicator of a job of one rank: no MPI, no NCCL. Operations are copies, or nothing, on the caller's current
// stream, so the Work they return is done in the sense of Work. split() gives another of its kind.
std::unique_ptr<Communicator> make_self_communicator(at::Device device);

}  // namespace fgm
