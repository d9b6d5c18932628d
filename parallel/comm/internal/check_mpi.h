#pragma once

#include <source_location>

namespace fgm {

// Throws Error naming `call`, MPI's own message and the place in the source unless `code` is MPI_SUCCESS.
void check_mpi(int code, const char* call, std::source_location location = std::source_location::current());

}  // namespace fgm
