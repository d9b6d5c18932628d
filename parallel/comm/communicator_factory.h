#pragma once

#include <memory>

#include "parallel/comm/communicator.h"

namespace fgm {

// A communicator of tensors on `device` over the ranks of `control` (a CPU communicator, which it does not keep): MPI
// for cpu, NCCL for cuda. Collective; all ranks ask for the same kind of device. ConfigError where the build has no
// CUDA or the device is of another kind.
std::unique_ptr<Communicator> make_communicator(Communicator& control, at::Device device);

}  // namespace fgm
