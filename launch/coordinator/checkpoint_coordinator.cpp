#include "launch/coordinator/checkpoint_coordinator.h"

#include <utility>

#include "core/base/error.h"
#include "launch/checkpoint/checkpoints_folder.h"
#include "launch/coordinator/resume.h"

namespace fgm {

CheckpointCoordinator::CheckpointCoordinator(Communicator& control, CheckpointOptions options,
                                             std::vector<SavedNetwork> networks, SavedRun run)
    : control_(control),
      options_(std::move(options)),
      networks_(std::move(networks)),
      run_(std::move(run)),
      owner_(options_.checkpoints / kOwnerFile),
      writer_(control, options_.checkpoints, options_.keep, owner_) {
  const auto [replicate, shard] = options_.coordinate;
  const MeshShape mesh = options_.mesh;
  check(mesh.replicate * mesh.shard == control.size() && replicate * mesh.shard + shard == control.rank(),
        "rank {} of {} is not at ({}, {}) of a mesh of {} x {}", control.rank(), control.size(), replicate, shard,
        mesh.replicate, mesh.shard);
}

Manifest CheckpointCoordinator::describe(int64_t step) const {
  Manifest m = manifest_head(run_);
  m.step = step;
  m.restart = restart_;
  m.world = control_.size();
  m.mesh = options_.mesh;
  m.data.position = step * run_.samples_per_step;
  m.data.epoch = run_.store_size == 0 ? 0 : m.data.position / run_.store_size;
  return m;
}

void CheckpointCoordinator::save(int64_t step) {
  const WeightsInfo weights{.role = "", .step = step, .sample_shape = run_.sample_shape, .config = run_.config};
  writer_.write(take_snapshot(describe(step), networks_, options_.coordinate, weights));
}

std::optional<RestoredState> CheckpointCoordinator::restore(const std::string& resume) {
  auto resumed = resume_run(control_, owner_, options_.checkpoints, resume, describe(0), networks_);
  if (!resumed) return std::nullopt;
  writer_.set_damaged(std::move(resumed->damaged));
  restart_ = resumed->restart;
  return RestoredState{resumed->step, resumed->is_own};
}

}  // namespace fgm
