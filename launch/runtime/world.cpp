#include "launch/runtime/world.h"

#include <spdlog/spdlog.h>

#include <cstring>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/version.h"
#include "core/config/fields.h"
#include "launch/runtime/device.h"
#include "launch/runtime/environment.h"
#include "launch/runtime/threads.h"
#include "parallel/comm/communicator_factory.h"
#include "parallel/comm/consensus.h"
#include "parallel/comm/mpi_communicator.h"
#include "parallel/comm/self_communicator.h"

namespace fgm {
namespace {

// NCCL and MPI tensors do not mix: either every rank computes on a GPU or none does.
DeviceDecision choose_alike(const RunConfig& run, const HostRanks& host, Communicator& control) {
  const DeviceDecision mine = choose_device(run.device, host.rank, host.size, num_visible_gpus());
  const auto with_gpu = at::full({1}, mine.device.is_cuda() ? 1 : 0, at::kInt);
  control.all_reduce(with_gpu, Reduce::kSum).wait();
  const int num_with_gpu = with_gpu.item<int>();
  if (!mine.device.is_cuda() || num_with_gpu == control.size()) return mine;
  return {at::kCPU, fmt::format("cpu: only {} of the {} ranks have a GPU of their own", num_with_gpu, control.size())};
}

MeshAxes mesh_axes(const MeshConfig& mesh, int world) {
  const int shard = mesh.shard == 0 ? world : static_cast<int>(mesh.shard);
  return {.replicate = std::max(1, world / shard), .shard = shard};
}

// A process that OpenMP has tied to one core counts as one, and starts its other threads there.
void warn_of_binding(const std::string& binding) {
  if (binding.empty()) return;
  spdlog::warn(
      "{}: OpenMP ties each process to the first core that it may use, for all ranks of a host the same; unset it, "
      "ranks share their cores",
      binding);
}

}  // namespace

World::World(const Config& config) {
  const Environment environment = read_environment();
  if (environment.has_mpi_launcher) {
    host_ = session_.emplace().host_ranks();
    control_ = make_mpi_world();
  } else {
    control_ = make_self_communicator(at::kCPU);
  }
  require<ConfigError>(size() > 1 || environment.world == 1,
                       "{} processes were started, but each sees itself alone; start fgm through launch/scripts/srun "
                       "(srun --mpi=pmix) or launch/scripts/mpirun",
                       environment.world);
  init_log(environment.log_level, rank(), size());
  require_same_lines(*control_, fmt::format("fgm = {} ({})\n{}", version(), version_commit(), to_ini(config)));
  const ThreadDecision threads =
      choose_threads(config.run.threads, environment.omp_num_threads, host_cores(*control_, host_.size));
  num_threads_ = threads.num_threads;
  use_threads(num_threads_);
  const DeviceDecision decision = choose_alike(config.run, host_, *control_);
  device_ = decision.device;
  tensors_ = size() == 1 ? make_self_communicator(device_) : make_communicator(*control_, device_);
  const MeshAxes axes = mesh_axes(config.mesh, size());
  mesh_.emplace(*tensors_, axes);
  spdlog::info("device {}; {} rank(s), {} x {} (replicate x shard), {} thread(s) each: {}", decision.reason, size(),
               axes.replicate, axes.shard, num_threads_, threads.reason);
  if (is_first()) warn_of_binding(environment.thread_binding);
}

bool World::is_stopping() {
  const auto signal = at::full({1}, signals_.requested(), at::kInt);
  control_->all_reduce(signal, Reduce::kMax).wait();
  const int agreed = signal.item<int>();
  if (agreed != 0 && is_first()) spdlog::warn("SIG{} came; all ranks stop here", sigabbrev_np(agreed));
  return agreed != 0;
}

void World::close() {
  mesh_->close();
  tensors_->close();
  control_->close();
  if (session_) session_->close();
}

}  // namespace fgm
