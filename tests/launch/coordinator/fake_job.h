#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/config/config.h"
#include "launch/coordinator/checkpoint_coordinator.h"
#include "tests/launch/coordinator/fake_engine.h"

namespace fgm::support {

// A distillation without a method: two networks and the coordinator that saves them, on the ranks of `control`.
class FakeJob {
 public:
  struct Options {
    MeshShape mesh = {};  // {1, 1}: all ranks on the shard axis
    int64_t keep = 0;
    std::string teacher_digest = std::string(32, '0');
    int64_t threads = 1;
    std::string command = "distill";
  };

  FakeJob(Communicator& control, const std::filesystem::path& run, const Config& config, const Options& options)
      : mesh_(options.mesh.replicate * options.mesh.shard == control.size() ? options.mesh
                                                                            : MeshShape{1, control.size()}),
        coordinate_{control.rank() / mesh_.shard, control.rank() % mesh_.shard},
        student_(config.model, coordinate_.shard, mesh_.shard),
        estimator_(config.model, coordinate_.shard, mesh_.shard),
        coordinator_(
            control,
            {.checkpoints = run / "checkpoints", .keep = options.keep, .coordinate = coordinate_, .mesh = mesh_},
            {{"student", &student_}, {"estimator", &estimator_}},
            {.command = options.command,
             .config = config,
             .sample_shape = {3, 6, 6},
             .threads = options.threads,
             .store = "store.h5",
             .store_size = 100,
             .samples_per_step = 24,
             .teacher = Manifest::Teacher{"teacher.safetensors", options.teacher_digest}}) {}

  void save(int64_t step) {
    fill(step);
    coordinator_.save(step);
  }
  void fill(int64_t step) {
    student_.fill(student_seed(step));
    estimator_.fill(estimator_seed(step));
  }
  bool holds(int64_t step) { return student_.holds(student_seed(step)) && estimator_.holds(estimator_seed(step)); }
  static uint64_t student_seed(int64_t step) { return static_cast<uint64_t>(step); }
  static uint64_t estimator_seed(int64_t step) { return static_cast<uint64_t>(step) + 1000; }

  CheckpointCoordinator& coordinator() { return coordinator_; }

 private:
  MeshShape mesh_;
  MeshCoordinate coordinate_;
  FakeEngine student_, estimator_;
  CheckpointCoordinator coordinator_;
};

inline Config smallest_config() {
  Config config;
  config.model = smallest_model();
  return config;
}

}  // namespace fgm::support
