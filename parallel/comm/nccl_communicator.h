#pragma once

#include <memory>

#include "parallel/comm/communicator.h"

namespace fgm {

// A communicator of CUDA tensors on `device`, over the ranks of `control`, which carries NCCL's id to them.
// Collective. Each rank needs a GPU of its own: NCCL refuses two ranks on one. Exists only where the build
// has CUDA (FGM_CUDA).
//
// Streams: operations run in the order of the calls on one high-priority stream of this communicator; tensors are
//   recorded on it, so the caching allocator does not hand their memory out before the operation is done.
// Order: a GPU can deadlock when ranks launch operations of several communicators in different orders; launch them in
//   the same order on all ranks.
// Sums: NCCL picks the order of summation from size and topology; 16-bit floats are summed as NCCL does. All ranks get
//   the same bits. What kMax and kMin make of NaN is not specified.
// Errors: a failure after the launch is thrown by a later call, barrier() or close(). A peer that hangs is the
//   watchdog's business.
// Source: NCCL 2.28 user guide, "Communicator Creation and Management Functions" and "Collective Operations".
std::unique_ptr<Communicator> make_nccl_communicator(Communicator& control, at::Device device);

}  // namespace fgm
