#include "launch/runtime/environment.h"

#include <strings.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdlib>

#include "core/base/error.h"
#include "core/base/text.h"

namespace fgm {
namespace {

std::string variable(const char* name, const std::string& fallback) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? fallback : value;
}

int64_t whole_number(const char* name, int64_t fallback) {
  const std::string text = variable(name, std::to_string(fallback));
  int64_t number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  require<ConfigError>(error == std::errc() && stop == text.data() + text.size() && number >= 0,
                       "environment variable {} = '{}' is not a whole number", name, text);
  return number;
}

// What OpenMP itself would not take (it says so) does not count.
int64_t omp_num_threads() {
  const std::string text = trim(variable("OMP_NUM_THREADS", ""));
  int64_t number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const auto rest = trim(std::string_view(stop, text.data() + text.size()));
  return error == std::errc() && number > 0 && (rest.empty() || rest.starts_with(',')) ? number : 0;
}

std::string thread_binding() {
  const std::string bind = variable("OMP_PROC_BIND", ""), cores = variable("GOMP_CPU_AFFINITY", "");
  if (!bind.empty()) return strcasecmp(bind.c_str(), "false") == 0 ? "" : "OMP_PROC_BIND = " + bind;
  return cores.empty() ? "" : "GOMP_CPU_AFFINITY = " + cores;
}

bool is_set(const char* name) {
  return !variable(name, "").empty();
}

// Of Open MPI's own launcher, of a PMIx server (srun --mpi=pmix gives rank and no size), or of a plain srun.
void read_ranks(Environment& environment) {
  environment.has_mpi_launcher = is_set("OMPI_COMM_WORLD_SIZE") || is_set("PMIX_RANK");
  const bool is_mpirun = is_set("OMPI_COMM_WORLD_SIZE");
  const char* size_name = is_mpirun ? "OMPI_COMM_WORLD_SIZE" : "SLURM_STEP_NUM_TASKS";
  const char* rank_name = is_mpirun ? "OMPI_COMM_WORLD_RANK" : is_set("PMIX_RANK") ? "PMIX_RANK" : "SLURM_PROCID";
  environment.world = whole_number(size_name, 1);
  // Without a size this is no step of several tasks; Slurm's batch script sees SLURM_PROCID too.
  environment.rank = environment.world > 1 ? whole_number(rank_name, 0) : 0;
  require<ConfigError>(environment.rank < environment.world, "{} = {} is not below {} = {}", rank_name,
                       environment.rank, size_name, environment.world);
}

}  // namespace

Environment read_environment() {
  Environment environment;
  environment.home = variable("FGM_HOME", variable("HOME", "") + "/.cache/fgm");
  environment.log_level = variable("FGM_LOG", "info");
  environment.slurm_job = variable("SLURM_JOB_ID", "");
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
