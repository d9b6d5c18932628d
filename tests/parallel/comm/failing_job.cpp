// A job whose last rank fails while the others wait for it: `failing_job throw` leaves by an exception,
// `failing_job abort` by Communicator::abort. CTest looks at the exit code that mpirun makes of it.
#include <cstdio>
#include <string_view>

#include "core/base/error.h"
#include "parallel/comm/mpi_communicator.h"
#include "parallel/comm/mpi_session.h"

namespace {

void run(std::string_view way) {
  fgm::MpiSession session;
  const auto world = fgm::make_mpi_world();
  if (world->rank() == world->size() - 1) {
    if (way == "abort") world->abort(fgm::kExitRequeue);
    throw fgm::Error("the last rank fails on purpose");
  }
  world->barrier();
  world->close();
  session.close();
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(argc > 1 ? argv[1] : "");
  } catch (const fgm::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return error.exit_code();
  }
  return fgm::kExitDone;
}
