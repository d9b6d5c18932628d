#include "core/base/error.h"

#include <cerrno>

namespace fgm {

ExitCode exit_code_of(std::error_code error) noexcept {
  if (error.category() != std::generic_category() && error.category() != std::system_category()) return kExitCrash;
  switch (error.value()) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return kExitDoNotRequeue;
    case EACCES:
    case EEXIST:
    case EINVAL:
    case EISDIR:
    case ELOOP:
    case ENAMETOOLONG:
    case ENOENT:
    case ENOTDIR:
    case ENOTEMPTY:
    case EPERM:
    case EROFS:
      return kExitConfig;
    default:
      return kExitCrash;
  }
}

std::error_code last_error() noexcept {
  return {errno, std::generic_category()};
}

void detail::throw_internal(const std::string& message, const std::source_location& location) {
  throw Error(fmt::format("{} (internal check at {}:{})", message, location.file_name(), location.line()));
}

}  // namespace fgm
