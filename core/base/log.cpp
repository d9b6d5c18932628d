#include "core/base/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>

#include "core/base/error.h"

namespace fgm {

void init_log(const std::string& level, int rank, int world) {
  const auto parsed = spdlog::level::from_str(level);
  require<ConfigError>(parsed != spdlog::level::off || level == "off",
                       "log level '{}' is not one of trace, debug, info, warn, error, off", level);
  auto logger = std::make_shared<spdlog::logger>("fgm", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
  logger->set_pattern(world > 1 ? fmt::format("%H:%M:%S %^%l%$ [rank {}] %v", rank) : "%H:%M:%S %^%l%$ %v");
  const bool is_quiet_rank = rank != 0 && parsed == spdlog::level::info;
  logger->set_level(is_quiet_rank ? spdlog::level::warn : parsed);
  spdlog::set_default_logger(std::move(logger));
}

}  // namespace fgm
