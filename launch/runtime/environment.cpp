#include "launch/runtime/environment.h"

#include <charconv>
#include <cstdlib>

#include "core/base/error.h"

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

}  // namespace

Environment read_environment() {
  Environment environment;
  environment.home = variable("FGM_HOME", variable("HOME", "") + "/.cache/fgm");
  environment.log_level = variable("FGM_LOG", "info");
  environment.local_rank = whole_number("OMPI_COMM_WORLD_LOCAL_RANK", 0);
  environment.local_size = whole_number("OMPI_COMM_WORLD_LOCAL_SIZE", 1);
  require<ConfigError>(environment.local_rank < environment.local_size,
                       "OMPI_COMM_WORLD_LOCAL_RANK = {} is not below OMPI_COMM_WORLD_LOCAL_SIZE = {}",
                       environment.local_rank, environment.local_size);
  return environment;
}

}  // namespace fgm
