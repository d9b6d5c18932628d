#include "core/base/error.h"

namespace fgm::detail {

void throw_internal(const std::string& message, const std::source_location& where) {
  throw Error(fmt::format("{} (internal check at {}:{})", message, where.file_name(), where.line()));
}

}  // namespace fgm::detail
