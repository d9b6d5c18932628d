#pragma once

#include <spdlog/spdlog.h>

#include <string>

namespace fgm {

// Sends log lines to stderr as "HH:MM:SS level message"; a job of several ranks adds "[rank r]" and, unless `level`
// asks for debug, keeps info lines to rank 0. `level`: trace, debug, info, warn, error; ConfigError otherwise.
void init_log(const std::string& level, int rank, int world);

}  // namespace fgm
