#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace fgm {

// What the process was told through its environment. Nothing else in the project reads a variable.
struct Environment {
  std::filesystem::path home;     // FGM_HOME, the per-user cache; $HOME/.cache/fgm when unset
  std::string log_level;          // FGM_LOG; "info" when unset
  bool has_mpi_launcher = false;  // mpirun, or srun with PMIx: there is a job of MPI ranks to join
  int64_t rank = 0;               // of this process as its launcher says, known before MPI is up; 0 without one
  int64_t world = 1;              // processes that the launcher started
  std::string slurm_job;          // its number; "" outside of Slurm
  std::string
      thread_binding;  // "OMP_PROC_BIND = true": OpenMP ties threads to cores of its own choice; "": it does not
  int64_t omp_num_threads = 0;  // OMP_NUM_THREADS, the first of a list; 0: unset, or no positive number
};

// ConfigError naming the variable when it is not a number or the rank is not below the size.
Environment read_environment();

// Of this machine.
std::string host_name();

}  // namespace fgm
