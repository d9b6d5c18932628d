#pragma once

#include <cstdint>
#include <memory>

#include "parallel/comm/communicator.h"

namespace fgm {

struct MpiOptions {
  int64_t message_bytes = int64_t{1} << 30;  // most bytes of one rank that one MPI call gathers or broadcasts, < 2 GiB
  int64_t scratch_bytes = int64_t{4} << 20;  // scratch of a reduction, shared by all ranks' pieces
};

// A communicator of CPU tensors over all ranks of the job (a duplicate of MPI_COMM_WORLD). Collective; MPI
// must be initialised (MpiSession). Calls block: the Work they return is done.
//
// MPI moves bytes and the arithmetic is ours: every reduction combines the ranks' values in the order of the
// ranks, 16-bit floats in float32 with one rounding at the end. A sum therefore does not depend on the size
// of the tensor, and reduce_scatter_into gives the bits that all_reduce gives. CUDA tensors are refused:
// Debian's and Ubuntu's Open MPI is not CUDA-aware. Source: MPI 3.1, chapter 5.
std::unique_ptr<Communicator> make_mpi_world(const MpiOptions& options = {});

}  // namespace fgm
