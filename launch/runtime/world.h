#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/config/config.h"
#include "launch/runtime/signals.h"
#include "parallel/comm/communicator.h"
#include "parallel/comm/mpi_session.h"
#include "parallel/mesh/device_mesh.h"

namespace fgm {

// The ranks of this job and this process among them. Brought up in one order, on all ranks alike: stop signals, MPI
// where a launcher started this process (else a job of one rank, which touches no MPI), log, threads, device,
// communicator of the device's tensors, mesh; closed in reverse.
class World {
 public:
  // Collective over all ranks of the job. Reads run.device, run.threads and mesh.shard.
  // ConfigError when the ranks were given different configs or run different builds, when mesh.shard does not divide
  // the ranks, when a device that was asked for cannot be had, when a launcher started several processes that MPI does
  // not join, or when another program has had MPI in this rank before.
  explicit World(const Config& config);

  int rank() const { return control_->rank(); }
  int size() const { return control_->size(); }
  bool is_first() const { return rank() == 0; }
  bool is_first_on_host() const { return host_.rank == 0; }
  int num_on_host() const { return host_.size; }  // ranks, this one among them
  at::Device device() const { return device_; }
  int64_t num_threads() const { return num_threads_; }  // of this rank

  // CPU tensors over all ranks: decisions, losses, checkpoints.
  Communicator& control() { return *control_; }
  // Tensors on device().
  DeviceMesh& mesh() { return *mesh_; }

  // True on all ranks once any of them has got a stop signal (StopSignals); rank 0 logs which. Collective.
  bool is_stopping();
  // Whether this rank has got one; not collective.
  bool has_stop_signal() const { return signals_.requested() != 0; }

  // Collective, on the success path only: after an error the ranks leave as they are and the launcher ends the job.
  void close();

 private:
  StopSignals signals_;
  std::optional<MpiSession> session_;
  std::unique_ptr<Communicator> control_;
  HostRanks host_;
  int64_t num_threads_ = 1;
  at::Device device_ = at::kCPU;
  std::unique_ptr<Communicator> tensors_;
  std::optional<DeviceMesh> mesh_;
};

}  // namespace fgm
