#pragma once

#include <cstdlib>
#include <memory>

#include "core/base/error.h"
#include "parallel/mesh/device_mesh.h"

namespace fgm::support {

// Rank 0 of a group whose other ranks are not there: networks can be built on it, and whoever communicates fails.
// A mesh of one copy can be made of it.
class AbsentRanks : public Communicator {
 public:
  explicit AbsentRanks(int size) : Communicator(/*rank=*/0, size, at::kCPU) {}

  [[noreturn]] void abort(int exit_code) override { std::_Exit(exit_code); }

 private:
  [[noreturn]] static void fail() { throw Error("the other ranks are not there"); }
  Work do_all_gather_into(const at::Tensor&, const at::Tensor&) override { fail(); }
  Work do_reduce_scatter_into(const at::Tensor&, const at::Tensor&, Reduce) override { fail(); }
  Work do_all_reduce(const at::Tensor&, Reduce) override { fail(); }
  Work do_broadcast(const at::Tensor&, int) override { fail(); }
  void do_barrier() override { fail(); }
  // The mesh splits its replicate axis off first, which has one rank, and then its shard axis, which has all.
  std::unique_ptr<Communicator> do_split(int, int) override {
    const bool is_shard_axis = num_splits_++ > 0;
    return std::make_unique<AbsentRanks>(is_shard_axis ? size() : 1);
  }
  void do_close() override {}

  int num_splits_ = 0;
};

// The mesh of one copy that is cut into `num_shards`.
struct AbsentMesh {
  explicit AbsentMesh(int num_shards) : world(num_shards), mesh(world, {.replicate = 1, .shard = num_shards}) {}

  AbsentRanks world;
  DeviceMesh mesh;
};

}  // namespace fgm::support
