#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace fgm {

// What the process was told through its environment. Nothing else in the project reads a variable.
struct Environment {
  std::filesystem::path home;  // FGM_HOME, the per-user cache; $HOME/.cache/fgm when unset
  std::string log_level;       // FGM_LOG; "info" when unset
  int64_t local_rank = 0;      // place among the ranks of this host, as mpirun says; 0 without mpirun
  int64_t local_size = 1;      // ranks of this host; 1 without mpirun
};

// ConfigError naming the variable when it is not a number or the rank is not below the size.
Environment read_environment();

}  // namespace fgm
