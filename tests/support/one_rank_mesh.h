#pragma once

#include "parallel/comm/self_communicator.h"
#include "parallel/mesh/device_mesh.h"

namespace fgm::support {

// The mesh of a job of one rank.
struct OneRankMesh {
  std::unique_ptr<Communicator> self = make_self_communicator(at::kCPU);
  DeviceMesh mesh{*self, {.replicate = 1, .shard = 1}};
};

}  // namespace fgm::support
