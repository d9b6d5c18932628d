#include "parallel/mesh/device_mesh.h"

#include "core/base/error.h"

namespace fgm {
namespace {

void validate(MeshAxes size, int world) {
  require<ConfigError>(size.shard >= 1, "mesh.shard = {} is not at least 1", size.shard);
  require<ConfigError>(size.replicate >= 1, "mesh.replicate = {} is not at least 1", size.replicate);
  require<ConfigError>(world % size.shard == 0, "mesh.shard = {} does not divide the {} ranks of this job", size.shard,
                       world);
  require<ConfigError>(
      size.replicate == world / size.shard,
      "mesh.replicate = {} times mesh.shard = {} is not the {} ranks of this job; set mesh.replicate = {}",
      size.replicate, size.shard, world, world / size.shard);
}

}  // namespace

DeviceMesh::DeviceMesh(Communicator& world, MeshAxes size) : world_(world), size_(size) {
  validate(size, world.size());
  coordinate_ = {.replicate = world.rank() / size.shard, .shard = world.rank() % size.shard};
  replicate_ = world.split(coordinate_.shard, coordinate_.replicate);
  shard_ = world.split(coordinate_.replicate, coordinate_.shard);
}

void DeviceMesh::close() {
  shard_->close();
  replicate_->close();
}

}  // namespace fgm
