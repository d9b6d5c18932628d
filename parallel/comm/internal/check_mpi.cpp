#include "parallel/comm/internal/check_mpi.h"

#include <mpi.h>

#include <array>
#include <string_view>

#include "core/base/error.h"

namespace fgm {

void check_mpi(int code, const char* call, std::source_location location) {
  if (code == MPI_SUCCESS) return;
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  MPI_Error_string(code, text.data(), &length);
  detail::throw_internal(fmt::format("{} failed: {}; the first rank to fail names the cause, the others follow", call,
                                     std::string_view(text.data(), length)),
                         location);
}

}  // namespace fgm
