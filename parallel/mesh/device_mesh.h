#pragma once

#include <memory>

#include "parallel/comm/communicator.h"

namespace fgm {

// The size of each axis of a mesh.
struct MeshShape {
  int replicate = 1;  // holders of a copy of the same shard
  int shard = 1;      // holders of the shards of one copy
};

// A rank's place on each axis, from 0.
struct MeshCoordinate {
  int replicate = 0;
  int shard = 0;
};

// The ranks of a job as a replicate x shard grid. The shard axis is the inner one, rank = replicate *
// num_shards + shard, so that the ranks of one copy are neighbours, on one host where the launcher places
// ranks host by host. The same layout as PyTorch's DeviceMesh for HSDP, dims ("replicate", "shard").
class DeviceMesh {
 public:
  // Collective over `world`, which must outlive the mesh and is not closed by it.
  // Throws ConfigError naming the numbers unless shape.replicate * shape.shard == world.size().
  DeviceMesh(Communicator& world, MeshShape shape);

  MeshShape shape() const noexcept { return shape_; }
  MeshCoordinate coordinate() const noexcept { return coordinate_; }

  Communicator& world() const noexcept { return world_; }
  // The ranks that hold the same shard as this one; rank() in it is coordinate().replicate.
  Communicator& replicate() const noexcept { return *replicate_; }
  // The ranks that hold the same copy as this one; rank() in it is coordinate().shard.
  Communicator& shard() const noexcept { return *shard_; }

  // Collective; closes the communicators of both axes. A second call does nothing.
  void close();

 private:
  Communicator& world_;
  MeshShape shape_;
  MeshCoordinate coordinate_;
  std::unique_ptr<Communicator> replicate_;
  std::unique_ptr<Communicator> shard_;
};

}  // namespace fgm
