#include "launch/runtime/threads.h"

#include <ATen/Parallel.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <thread>

namespace fgm {
namespace {

// What a rank tells the others, byte for byte.
struct AllowedCores {
  std::array<char, 256> host{};
  cpu_set_t cores;
};

}  // namespace

int64_t choose_threads(int64_t requested, int64_t num_cores, int64_t local_size) {
  return requested > 0 ? requested : std::max<int64_t>(1, num_cores / local_size);
}

int64_t num_cores() {
  cpu_set_t allowed;
  // The kernel's set has more CPUs than cpu_set_t on the largest hosts; then the plain count is the best there is.
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return std::max(1u, std::thread::hardware_concurrency());
  return CPU_COUNT(&allowed);
}

int64_t num_host_cores(Communicator& ranks) {
  AllowedCores mine;
  CPU_ZERO(&mine.cores);
  gethostname(mine.host.data(), mine.host.size() - 1);
  sched_getaffinity(0, sizeof(mine.cores), &mine.cores);
  const auto size = static_cast<int64_t>(sizeof(AllowedCores));
  const auto all = at::empty({ranks.size(), size}, at::kByte);
  ranks.all_gather_into(all, at::from_blob(&mine, {size}, at::kByte)).wait();
  for (int64_t rank = 0; rank < ranks.size(); ++rank) {
    AllowedCores other;
    std::memcpy(&other, all[rank].data_ptr(), sizeof(other));
    if (other.host == mine.host) CPU_OR(&mine.cores, &mine.cores, &other.cores);
  }
  const int64_t together = CPU_COUNT(&mine.cores);
  return together > 0 ? together : num_cores();
}

void use_threads(int64_t num_threads) {
  at::set_num_threads(static_cast<int>(num_threads));
}

}  // namespace fgm
