#include "launch/runtime/environment.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <optional>

#include "core/base/error.h"
#include "core/base/number.h"
#include "core/base/text.h"

namespace fgm {
namespace {

std::string variable(const char* name, const std::string& fallback) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? fallback : value;
}

// What OpenMP itself would not take (it says so) does not count.
int64_t omp_num_threads() {
  const std::string list = variable("OMP_NUM_THREADS", "");
  return std::max<int64_t>(0, parse_number<int64_t>(trim(list.substr(0, list.find(',')))).value_or(0));
}

std::string thread_binding() {
  const std::string bind = variable("OMP_PROC_BIND", ""), cores = variable("GOMP_CPU_AFFINITY", "");
  const auto lower = [](unsigned char c) { return static_cast<char>(std::tolower(c)); };
  const bool is_off = std::ranges::equal(bind, std::string_view("false"), {}, lower);
  if (!bind.empty()) return is_off ? "" : "OMP_PROC_BIND = " + bind;
  return cores.empty() ? "" : "GOMP_CPU_AFFINITY = " + cores;
}

bool is_set(const char* name) {
  return !variable(name, "").empty();
}

std::optional<int64_t> number_in(const std::string& text) {
  const auto number = parse_number<int64_t>(text);
  return number >= 0 ? number : std::nullopt;
}

int64_t whole_number(const char* name, int64_t fallback) {
  const std::string text = variable(name, std::to_string(fallback));
  const auto number = number_in(text);
  require<ConfigError>(number.has_value(), "environment variable {} = '{}' is not a whole number", name, text);
  return *number;
}

// What a launcher tells each process that it starts.
struct Launcher {
  const char* size;
  const char* rank;
};

void believe(const Launcher& launcher, Environment& environment) {
  environment.world = whole_number(launcher.size, 1);
  // Without a size this is no step of several tasks; Slurm's batch script sees SLURM_PROCID too.
  environment.rank = environment.world > 1 ? whole_number(launcher.rank, 0) : 0;
  require<ConfigError>(environment.rank < environment.world, "{} = {} is not below {} = {}", launcher.rank,
                       environment.rank, launcher.size, environment.world);
  if (environment.world > 1) environment.world_names.emplace_back(launcher.size);
}

// Launchers that an Open MPI seldom knows: processes that they start may each see themselves alone. A variable that is
// no number, or a rank that does not fit, is somebody else's and means nothing.
void believe_others(Environment& environment) {
  // WORLD_SIZE without its companions stands in many a shell and container.
  const bool is_torchrun = is_set("RANK") && is_set("LOCAL_RANK");
  const std::array launchers = {
      Launcher{"PMI_SIZE", "PMI_RANK"},                        // MPICH, Intel MPI, srun --mpi=pmi2, PALS, Flux
      Launcher{"MPI_LOCALNRANKS", "MPI_LOCALRANKID"},          // MPICH, Intel MPI: of this host
      Launcher{"FLUX_JOB_SIZE", "FLUX_TASK_RANK"},             // Flux
      Launcher{"PALS_LOCAL_SIZE", "PALS_LOCAL_RANKID"},        // HPE's PALS: of this host
      Launcher{"MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_RANK"},  // MVAPICH
      Launcher{"JSM_NAMESPACE_SIZE", "JSM_NAMESPACE_RANK"},    // IBM's jsrun
      Launcher{is_torchrun ? "WORLD_SIZE" : "", "RANK"},       // torchrun, accelerate, deepspeed
  };
  for (const auto& [size_name, rank_name] : launchers) {
    const int64_t size = number_in(variable(size_name, "")).value_or(1);
    const int64_t rank = number_in(variable(rank_name, "")).value_or(0);
    if (size <= 1 || rank >= size) continue;
    if (environment.world == 1) environment.world = size, environment.rank = rank;
    environment.world_names.emplace_back(size_name);
  }
}

// What a shell of `srun --pty bash` starts has the variables of the shell's rank and is none: MPI would wait for the
// other ranks for ever. Such a shell has a terminal, and gives each command a process group; a rank leads its own
// session or has no terminal.
bool is_in_shell_of_srun() {
  if (!variable("PMIX_NAMESPACE", "").starts_with("slurm.") || getpgrp() == getsid(0)) return false;
  const int terminal = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);
  if (terminal >= 0) close(terminal);
  return terminal >= 0;
}

void read_ranks(Environment& environment) {
  const bool has_pmix = is_set("PMIX_RANK") && !is_in_shell_of_srun(), is_slurm_step = is_set("SLURM_STEP_ID");
  environment.is_mpirun = is_set("OMPI_COMM_WORLD_SIZE");
  if (environment.is_mpirun) {
    believe({"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"}, environment);
  } else {
    // srun --mpi=pmix gives rank and no size.
    believe({"SLURM_STEP_NUM_TASKS", has_pmix ? "PMIX_RANK" : "SLURM_PROCID"}, environment);
    believe_others(environment);
  }
  // In a step of Slurm without PMIx Open MPI does not start; elsewhere a PMI may be one that it was built for.
  const bool has_pmi = number_in(variable("PMI_SIZE", "")).value_or(1) > 1 && !is_slurm_step;
  environment.has_mpi_launcher = environment.is_mpirun || has_pmix || has_pmi;
  const std::string job_folder = variable("PMIX_SERVER_TMPDIR", "");
  if (has_pmix && !job_folder.empty()) {
    const std::string job = job_folder + "/fgm-" + variable("PMIX_NAMESPACE", "job") + "-";
    environment.rank_file = job + variable("PMIX_RANK", "");
    environment.said_file = job + "said";
  }
}

}  // namespace

Environment read_environment() {
  Environment environment;
  environment.log_level = variable("FGM_LOG", "info");
  environment.slurm_job = variable("SLURM_JOB_ID", "");
  environment.home = variable("FGM_HOME", variable("HOME", "") + "/.cache/fgm");
  environment.omp_num_threads = omp_num_threads();
  environment.thread_binding = thread_binding();
  read_ranks(environment);
  return environment;
}

std::string host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "host";
}

}  // namespace fgm
