#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace fgm {

// What the process was told through its environment. Nothing else in the project reads a variable.
struct Environment {
  std::string log_level;          // FGM_LOG; "info" when unset
  bool has_mpi_launcher = false;  // there may be a job of MPI ranks to join; how many they are, MPI says
  bool is_mpirun = false;         // Open MPI's own: what it says of rank and size holds
  int64_t rank = 0;               // of this process as its launcher says, known before MPI is up; 0 without one
  int64_t world = 1;              // processes that the launcher started
  // The variables that call this process one of several, the one that `world` comes from first. But for mpirun's they
  // prove nothing: a shell that srun or torchrun started has them too.
  std::vector<std::string> world_names;
  std::string slurm_job;  // its number; "" outside of Slurm
  // Files that the launcher removes at the end of the job: one of this rank's own, and one in which all ranks of this
  // host keep what they have said in failing (error_line.h). "" where the launcher has no PMIx.
  std::filesystem::path rank_file;
  std::filesystem::path said_file;
  // "OMP_PROC_BIND = true": OpenMP ties threads to cores of its own choice; "": it does not.
  std::string thread_binding;
  std::filesystem::path home;   // FGM_HOME, where setup keeps what it fetched; ~/.cache/fgm when unset
  int64_t omp_num_threads = 0;  // OMP_NUM_THREADS, the first of a list; 0: unset, or no positive number
};

// ConfigError naming the variable when mpirun's or srun's is not a number or their rank is not below the size.
Environment read_environment();

// The name of this machine.
std::string host_name();

}  // namespace fgm
