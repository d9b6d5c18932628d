#include "launch/runtime/threads.h"

#include <ATen/Parallel.h>
#include <sched.h>

#include <algorithm>
#include <thread>

namespace fgm {

int64_t choose_threads(int64_t requested, int64_t num_cores, int64_t local_size) {
  return requested > 0 ? requested : std::max<int64_t>(1, num_cores / local_size);
}

int64_t num_cores() {
  cpu_set_t allowed;
  // The kernel's set has more CPUs than cpu_set_t on the largest hosts; then the plain count is the best there is.
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return std::max(1u, std::thread::hardware_concurrency());
  return CPU_COUNT(&allowed);
}

void use_threads(int64_t num_threads) {
  at::set_num_threads(static_cast<int>(num_threads));
}

}  // namespace fgm
