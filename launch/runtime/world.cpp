#include "launch/runtime/world.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstring>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/version.h"
#include "core/config/fields.h"
#include "launch/runtime/device.h"
#include "launch/runtime/environment.h"
#include "launch/runtime/threads.h"
#include "parallel/comm/communicator_factory.h"
#include "parallel/comm/control_collectives.h"
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

// MPI starts once in a rank: of a second program in its place Open MPI says only that MPI_Init failed.
void require_first_program(const std::filesystem::path& rank_file) {
  const int file = open(rank_file.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  require<ConfigError>(file >= 0 || errno != EEXIST,
                       "an fgm command has run in this rank already, and MPI starts only once in a rank; give each "
                       "command an mpirun or srun of its own");
  if (file >= 0) ::close(file);
}

// Refuses a process that a launcher of another kind started, or that runs in a shell of one.
[[noreturn]] void refuse_alone(const Environment& environment) {
  std::string unset = "env";
  for (const auto& name : environment.world_names) unset += " -u " + name;
  throw ConfigError(fmt::format(
      "{} = {} says that {} processes were started, but each is alone; start several through launch/scripts/mpirun or "
      "launch/scripts/srun (srun --mpi=pmix), and one here with '{} fgm ...'",
      environment.world_names.front(), environment.world, environment.world, unset));
}

MeshShape mesh_shape(const MeshConfig& mesh, int world) {
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
    require_first_program(environment.rank_file);
    host_ = session_.emplace().host_ranks();
    control_ = make_mpi_world();
  } else {
    control_ = make_self_communicator(at::kCPU);
  }
  if (size() == 1 && environment.world > 1) {
    if (session_) session_->close();
    refuse_alone(environment);
  }
  init_log(environment.log_level, rank(), size());
  require_same_lines(*control_, fmt::format("fgm = {} ({})\n{}", version(), version_commit(), to_ini(config)));
  const ThreadDecision threads =
      choose_threads(config.run.threads, environment.omp_num_threads, host_cores(*control_, host_.size));
  num_threads_ = threads.num_threads;
  use_threads(num_threads_);
  const DeviceDecision decision = choose_alike(config.run, host_, *control_);
  device_ = decision.device;
  tensors_ = size() == 1 ? make_self_communicator(device_) : make_communicator(*control_, device_);
  const MeshShape shape = mesh_shape(config.mesh, size());
  mesh_.emplace(*tensors_, shape);
  spdlog::info("device {}; {} rank(s), {} x {} (replicate x shard), {} thread(s) each: {}", decision.reason, size(),
               shape.replicate, shape.shard, num_threads_, threads.reason);
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
