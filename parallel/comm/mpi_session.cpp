#include "parallel/comm/mpi_session.h"

#include <mpi.h>
#include <spdlog/spdlog.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <fstream>

#include "core/base/error.h"
#include "parallel/comm/internal/check_mpi.h"
#include "parallel/comm/internal/mpi_handles.h"

namespace fgm {
namespace {

constexpr int kKeepUserValue = 0, kReplace = 1;

// Whether Open MPI may let the ranks of a host read each other's memory. A container's filter may forbid the call, and
// Yama from 2 on an ordinary user's; Open MPI does not see either, and prints a line for each message that it copies
// in another way then.
bool can_read_other_processes() {
  char yama = '0';
  std::ifstream("/proc/sys/kernel/yama/ptrace_scope").get(yama);
  char from = 0, to = 0;
  const iovec source = {&from, 1}, target = {&to, 1};
  return yama < '2' && process_vm_readv(getpid(), &target, 1, &source, 1, 0) == 1;
}

void prepare_open_mpi() {
  // Without a launcher Open MPI starts a daemon, which fails where there is no network interface or no ssh in PATH.
  setenv("OMPI_MCA_ess_singleton_isolated", "1", kKeepUserValue);
  // See Note [Spin, then sleep]: MPI_Test would yield as well. mpirun's own word for more ranks than cores means the
  // same.
  setenv("OMPI_MCA_mpi_yield_when_idle", "0", kKeepUserValue);
  setenv("OMPI_MCA_mpi_oversubscribe", "0", kReplace);
  if (!can_read_other_processes()) setenv("OMPI_MCA_btl_vader_single_copy_mechanism", "none", kKeepUserValue);
}

}  // namespace

MpiSession::MpiSession() {
  prepare_open_mpi();
  int granted = MPI_THREAD_SINGLE;
  check_mpi(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_MULTIPLE, &granted), "MPI_Init_thread");
  require<Error>(granted == MPI_THREAD_MULTIPLE,
                 "MPI grants thread level {}, expected MPI_THREAD_MULTIPLE ({}); use an Open MPI built with "
                 "thread support",
                 granted, MPI_THREAD_MULTIPLE);
  is_open_ = true;
}

MpiSession::~MpiSession() {
  if (!is_open_) return;
  const auto level = std::uncaught_exceptions() > 0 ? spdlog::level::debug : spdlog::level::warn;
  spdlog::log(level, "MPI is left without MPI_Finalize; the launcher ends the other ranks of the job");
}

HostRanks MpiSession::host_ranks() const {
  MPI_Comm raw = MPI_COMM_NULL;
  check_mpi(MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &raw), "MPI_Comm_split_type");
  MpiComm host(raw);
  const HostRanks ranks{.rank = host.rank(), .size = host.size()};
  host.close();
  return ranks;
}

void MpiSession::close() {
  if (!is_open_) return;
  is_open_ = false;
  check_mpi(MPI_Finalize(), "MPI_Finalize");
}

void end_open_session(int exit_code) {
  int is_initialized = 0, is_finalized = 0;
  MPI_Initialized(&is_initialized);
  MPI_Finalized(&is_finalized);
  if (is_initialized != 0 && is_finalized == 0) MPI_Abort(MPI_COMM_WORLD, exit_code);
}

}  // namespace fgm
