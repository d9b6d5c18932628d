#include "parallel/mesh/device_mesh.h"

#include "core/base/error.h"

namespace fgm {
namespace {

void validate(MeshShape shape, int world) {
  require<ConfigError>(shape.shard >= 1, "mesh.shard = {} is not at least 1", shape.shard);
  require<ConfigError>(shape.replicate >= 1, "mesh.replicate = {} is not at least 1", shape.replicate);
  require<ConfigError>(world % shape.shard == 0, "mesh.shard = {} does not divide the {} ranks of this job",
                       shape.shard, world);
  require<ConfigError>(
      shape.replicate == world / shape.shard,
      "mesh.replicate = {} times mesh.shard = {} is not the {} ranks of this job; set mesh.replicate = {}",
      shape.replicate, shape.shard, world, world / shape.shard);
}

}  // namespace

DeviceMesh::DeviceMesh(Communicator& world, MeshShape shape) : world_(world), shape_(shape) {
  validate(shape, world.size());
  coordinate_ = {.replicate = world.rank() / shape.shard, .shard = world.rank() % shape.shard};
  replicate_ = world.split(coordinate_.shard, coordinate_.replicate);
  shard_ = world.split(coordinate_.replicate, coordinate_.shard);
}

void DeviceMesh::close() {
  shard_->close();
  replicate_->close();
}

}  // namespace fgm
